FROM scratch
EXPOSE a
#: fails
