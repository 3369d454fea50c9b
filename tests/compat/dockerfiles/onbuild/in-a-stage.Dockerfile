FROM base:1 AS a
ONBUILD RUN echo triggered > /t
FROM a
LABEL l=m
