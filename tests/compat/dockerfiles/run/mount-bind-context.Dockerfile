FROM base:1
RUN --mount=type=bind,target=/ctx cat /ctx/ctx/file > /got && sh -c "touch /ctx/x || echo refused > /r"
RUN --mount=target=/f,source=ctx/file cat /f > /got2
#: judge buildkit
