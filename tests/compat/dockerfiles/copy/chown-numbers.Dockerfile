FROM scratch
COPY --chown=3:4 a.txt /x
COPY --chown=5 dir /d
COPY --chown=0:0 b.txt /new/deep/y
