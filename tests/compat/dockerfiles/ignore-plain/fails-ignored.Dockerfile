FROM scratch
COPY b /
#: fails
