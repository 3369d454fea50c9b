FROM scratch
SHELL
#: fails
