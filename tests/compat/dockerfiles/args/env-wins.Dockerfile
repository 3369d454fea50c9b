FROM base:1
ARG A=arg
ENV A=env
RUN echo $A > /x
LABEL a=$A
#: args --build-arg A=given
