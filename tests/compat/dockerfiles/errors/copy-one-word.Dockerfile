FROM scratch
COPY f
#: fails
