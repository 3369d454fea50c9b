FROM scratch
ARG URL
ADD --checksum=sha256:0000000000000000000000000000000000000000000000000000000000000000 $URL/served.txt /x
#: args --build-arg URL={http}
#: fails
#: judge none
