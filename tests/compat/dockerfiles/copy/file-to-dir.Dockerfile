FROM base:1
COPY a.txt /tmp
COPY a.txt /tmp/
COPY a.txt /new/
COPY b.txt /etc/removed
