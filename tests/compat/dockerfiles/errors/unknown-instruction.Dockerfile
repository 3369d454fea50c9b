FROM scratch
FOO bar
#: fails
