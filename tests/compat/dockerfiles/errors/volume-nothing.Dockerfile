FROM scratch
VOLUME
#: fails
