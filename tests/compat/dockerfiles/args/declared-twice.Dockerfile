FROM base:1
ARG A=1
RUN echo $A > /x
ARG A=2
RUN echo $A > /y
