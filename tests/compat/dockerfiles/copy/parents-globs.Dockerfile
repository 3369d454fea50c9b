FROM scratch
COPY --parents glob/**/a*.c /p/
#: judge twin
