FROM base:1
USER app
WORKDIR /made/by
USER root
RUN ls -ldn /made /made/by > /ls
