FROM scratch
ARG URL
ADD $URL/repo.git /r
#: judge twin
#: args --build-arg URL={git}
