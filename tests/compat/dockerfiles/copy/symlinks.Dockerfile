FROM scratch
COPY link /l
COPY linkdir /ld
COPY dir /d
COPY linkdir/one /o
