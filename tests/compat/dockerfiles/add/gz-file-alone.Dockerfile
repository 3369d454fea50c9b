FROM scratch
ADD plain.gz /x/
