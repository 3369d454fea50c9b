FROM scratch
COPY special /s
