FROM scratch
ARG URL
ADD $URL/ /x/
#: args --build-arg URL={http}
#: fails
