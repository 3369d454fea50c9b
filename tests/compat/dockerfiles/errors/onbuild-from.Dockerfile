FROM scratch
ONBUILD FROM x
#: fails
