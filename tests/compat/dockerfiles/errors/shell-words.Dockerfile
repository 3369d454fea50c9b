FROM scratch
SHELL a b
#: fails
