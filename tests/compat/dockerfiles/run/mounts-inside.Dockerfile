FROM base:1
RUN umask > /umask; grep -c " /proc/sys " /proc/mounts > /m; test -w /dev/null && test -r /dev/urandom && test -L /dev/stdin && ls /dev/pts > /n
