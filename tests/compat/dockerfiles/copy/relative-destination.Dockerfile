FROM scratch
WORKDIR /w
COPY a.txt .
COPY a.txt sub/
COPY b.txt ../up
COPY dir ./d
