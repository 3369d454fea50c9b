FROM base:1
WORKDIR /link-to-etc/sub
