FROM base:1
SHELL ["/bin/sh", "-e", "-c"]
ENV a=b
RUN echo $a > /out
WORKDIR /w
