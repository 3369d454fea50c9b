FROM scratch
COPY --link a.txt /x/y
COPY --link --chown=3:4 dir /d/
#: judge twin
