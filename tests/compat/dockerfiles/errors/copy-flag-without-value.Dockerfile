FROM scratch
COPY --chown f c
#: fails
