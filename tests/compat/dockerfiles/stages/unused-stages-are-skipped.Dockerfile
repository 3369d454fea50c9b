FROM base:1 AS unused
RUN exit 1
FROM scratch AS wanted
COPY f /f
FROM base:1 AS later
RUN exit 1
#: args --target wanted
#: judge buildkit
