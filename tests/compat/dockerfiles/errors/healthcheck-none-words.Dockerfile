FROM scratch
HEALTHCHECK NONE x
#: fails
