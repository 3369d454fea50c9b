FROM configured:1
SHELL ["/bin/sh", "-x", "-c"]
RUN true
CMD x
