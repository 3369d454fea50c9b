FROM base:1 AS one
ARG A=1
RUN echo "$A" > /x
FROM base:1
ENV a=${A:-gone}
ARG A=2
ENV b=$A
RUN echo "$A" > /y
