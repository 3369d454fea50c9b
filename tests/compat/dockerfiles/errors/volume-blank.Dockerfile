FROM scratch
VOLUME ["  "]
#: fails
