FROM scratch
ARG =a
#: fails
