FROM scratch
HEALTHCHECK foo
#: fails
