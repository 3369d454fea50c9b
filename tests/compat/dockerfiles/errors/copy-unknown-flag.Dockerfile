FROM scratch
COPY --foo=a f c
#: fails
