FROM scratch
ARG URL
ADD $URL/served.txt /x
ADD $URL/served.txt /d/
#: args --build-arg URL={http}
