FROM base:1
COPY dir /x
COPY a.txt /x
