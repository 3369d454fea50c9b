FROM base:1
RUN --mount=type=cache,target=/c,id=two,mode=0750,uid=7,gid=8 stat -c "%a %u %g" /c > /s
#: judge buildkit
