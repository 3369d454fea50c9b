FROM scratch
COPY a.txt /p/q/r/s
COPY dir/ /p/q/t/
