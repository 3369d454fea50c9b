FROM base:1
COPY a.txt /link-to-etc/a
COPY dir /link-to-etc
