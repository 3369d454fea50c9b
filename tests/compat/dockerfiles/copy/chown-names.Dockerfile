FROM base:1
COPY --chown=app a.txt /a
COPY --chown=app:extra a.txt /b
COPY --chown=app:7 a.txt /c
COPY --chown=8:extra a.txt /d
COPY --chown=nobody dir /e
