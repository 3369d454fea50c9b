FROM scratch
LABEL a
#: fails
