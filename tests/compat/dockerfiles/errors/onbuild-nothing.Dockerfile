FROM scratch
ONBUILD
#: fails
