FROM base:1
USER app
COPY a.txt /x
COPY dir /y
WORKDIR /z
COPY a.txt .
