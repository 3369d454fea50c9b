FROM scratch
STOPSIGNAL foo
#: fails
