FROM base:1
RUN --mount=target=/rw,source=ctx,rw touch /rw/new && ls /rw > /list
RUN --mount=target=/again,source=ctx ls /again > /list2
#: judge buildkit
