FROM scratch
ARG URL
ADD --exclude=run $URL/repo.git /r
#: judge twin
#: args --build-arg URL={git}
