FROM scratch
ARG URL
ADD --unpack=true $URL/t.tar /x/
ADD --unpack=false t.tar /y/
#: judge twin
#: args --build-arg URL={http}
