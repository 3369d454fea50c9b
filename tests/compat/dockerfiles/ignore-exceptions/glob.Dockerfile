FROM scratch
COPY su* /x/
COPY k* /y/
