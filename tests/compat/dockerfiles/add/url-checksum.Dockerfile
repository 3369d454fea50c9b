FROM scratch
ARG URL
ARG SUM
ADD --checksum=$SUM $URL/served.txt /x
#: judge twin
#: args --build-arg URL={http} --build-arg SUM={served-sum}
