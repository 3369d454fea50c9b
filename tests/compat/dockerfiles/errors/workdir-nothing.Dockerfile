FROM scratch
WORKDIR
#: fails
