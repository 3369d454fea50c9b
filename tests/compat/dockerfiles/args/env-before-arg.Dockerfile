FROM base:1
ENV A=env
ARG A=arg
RUN echo $A > /x
