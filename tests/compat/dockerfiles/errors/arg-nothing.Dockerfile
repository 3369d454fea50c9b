FROM scratch
ARG
#: fails
