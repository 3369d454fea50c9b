FROM scratch
COPY program a.txt /
COPY special /s
