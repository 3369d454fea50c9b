FROM base:1 AS b
RUN mkdir /t && mkfifo /t/p && mknod /t/n c 1 3
FROM scratch
COPY --from=b /t /t
