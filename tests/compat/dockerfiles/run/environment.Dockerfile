FROM base:1
ENV A=1 B="x y"
RUN env | grep -v HOSTNAME | sort > /env
RUN echo "$A|$B|$HOME|$PWD" > /vars
