FROM scratch
SHELL []
#: fails
