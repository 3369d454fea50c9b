FROM scratch
LABEL =b
#: fails
