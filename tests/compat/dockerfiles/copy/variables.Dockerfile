FROM scratch
ENV F=a.txt D=/out N=dir
COPY $F $D/
COPY ${N}/one "$D/two"
