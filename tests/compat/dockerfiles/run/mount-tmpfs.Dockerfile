FROM base:1
RUN --mount=type=tmpfs,target=/t/u echo x > /t/u/f && grep -c " /t/u tmpfs" /proc/mounts > /n
RUN ls -A /t/u > /left || true
#: judge buildkit
