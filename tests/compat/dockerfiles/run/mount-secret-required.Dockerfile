FROM base:1
RUN --mount=type=secret,id=absent,required true
#: judge buildkit
#: fails
