FROM scratch
HEALTHCHECK --interval=x CMD x
#: fails
