FROM base:1
COPY --chown="1:2" f /a
COPY --chown='3:4' f /b
COPY -- f /c
