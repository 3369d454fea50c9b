FROM scratch
ADD t.tar /u
ADD t.tar.gz /v/
ADD t.tar.bz2 /w/
ADD t.tar.xz /x/
