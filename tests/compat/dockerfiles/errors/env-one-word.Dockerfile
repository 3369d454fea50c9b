FROM scratch
ENV a
#: fails
