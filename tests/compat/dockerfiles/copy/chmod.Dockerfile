FROM scratch
COPY --chmod=755 a.txt /x
COPY --chmod=0600 dir /d
COPY --chmod=0711 --chown=1:2 b.txt /y
#: judge buildkit
