FROM scratch
STOPSIGNAL kill
