FROM scratch
ARG URL
ADD $URL/absent /x
#: args --build-arg URL={http}
#: fails
