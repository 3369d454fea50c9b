FROM base:1 AS one
ARG A=1
ARG GIVEN=no
FROM one AS two
ARG A
ENV B=${A:-none} C=$GIVEN
RUN echo "$GIVEN" > /x
FROM two
LABEL given=$GIVEN
RUN echo "$GIVEN $B" > /y
#: judge buildkit
#: args --build-arg GIVEN=yes
