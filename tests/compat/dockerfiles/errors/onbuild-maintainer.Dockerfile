FROM scratch
ONBUILD maintainer x
#: fails
