FROM scratch
WORKDIR rel/path
LABEL a=b
