FROM scratch
COPY
#: fails
