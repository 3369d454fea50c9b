FROM base:1
RUN touch /dev/shm/x /tmp/y && ls -la /dev/shm | wc -l > /n && mkdir -p /run/z
