FROM base:1
ARG A=1
ENV E=e
ARG B=${A}-$E
RUN echo $B > /x
