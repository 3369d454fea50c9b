FROM scratch
USER
#: fails
