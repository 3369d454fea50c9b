FROM scratch
ENV
#: fails
