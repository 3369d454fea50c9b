FROM scratch
HEALTHCHECK CMD
#: fails
