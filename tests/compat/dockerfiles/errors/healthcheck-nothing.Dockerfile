FROM scratch
HEALTHCHECK
#: fails
