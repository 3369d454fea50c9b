FROM scratch
COPY lin* /x/
