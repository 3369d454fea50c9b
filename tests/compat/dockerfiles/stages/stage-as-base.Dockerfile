FROM base:1 AS one
ENV A=1
RUN echo 1 > /one
FROM one AS two
ENV B=$A
RUN echo 2 > /two
FROM two
LABEL l=$B
