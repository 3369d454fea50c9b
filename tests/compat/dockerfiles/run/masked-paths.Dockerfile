FROM base:1
RUN (cat /proc/kcore | head -c 1 | wc -c; ls /proc/scsi /sys/firmware | wc -l; echo x > /proc/sys/kernel/hostname) > /x 2>&1; true
