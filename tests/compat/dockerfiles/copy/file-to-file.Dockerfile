FROM scratch
COPY a.txt /x
COPY a.txt /d/e/y
COPY a.txt b.txt /m/
COPY a.txt /
COPY empty /e
