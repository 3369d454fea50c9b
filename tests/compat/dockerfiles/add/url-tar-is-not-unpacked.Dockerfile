FROM scratch
ARG URL
ADD $URL/t.tar /x/
#: args --build-arg URL={http}
