FROM scratch
ARG URL
ADD --chown=3:4 $URL/served.txt /x
#: args --build-arg URL={http}
