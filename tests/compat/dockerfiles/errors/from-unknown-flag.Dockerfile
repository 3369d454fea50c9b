FROM --x=y scratch
COPY f /
#: fails
