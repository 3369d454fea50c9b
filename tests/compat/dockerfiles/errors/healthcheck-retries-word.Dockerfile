FROM scratch
HEALTHCHECK --retries=a CMD x
#: fails
