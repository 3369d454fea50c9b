FROM scratch
VOLUME /a /b/c
VOLUME ["/with space", "/d"]
ENV V=/var
VOLUME $V/x
VOLUME rel
