FROM base:1
RUN dd if=/dev/zero of=/sparse bs=1 count=1 seek=1048575 2>/dev/null && head -c 300000 /dev/zero | tr "\0" x > /big
