FROM scratch
STOPSIGNAL
#: fails
