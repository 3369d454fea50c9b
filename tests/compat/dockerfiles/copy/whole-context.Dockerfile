FROM scratch
COPY dir /x/dir
COPY glob /x/glob
