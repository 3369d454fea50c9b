FROM base:1
RUN touch -d "2001-02-03 04:05:06" /old && chmod 0 /old && mkdir -m 2750 /g && cp /bin/busybox /bin/busybox-copy && chmod 6711 /bin/busybox-copy
