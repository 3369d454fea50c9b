FROM base:1
RUN --mount=type=cache,target=/c echo x > /c/f && ls /c > /l
RUN --mount=type=tmpfs,target=/t touch /t/x && ls /t >> /l
#: judge buildah
