FROM scratch
COPY dir/* /x/
COPY di[r] /y/
