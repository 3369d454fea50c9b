FROM scratch
LABEL
#: fails
