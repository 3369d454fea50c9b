FROM base:1
RUN echo a > /file && ln /file /hard && ln -s file /soft && mkfifo /fifo && mkdir -p /d/e && mknod /null c 1 3 && mknod /blk b 7 0
RUN chmod 4755 /file && chown 1000:2000 /soft /d && chmod 1777 /d/e
