FROM scratch
ONBUILD ONBUILD RUN x
#: fails
