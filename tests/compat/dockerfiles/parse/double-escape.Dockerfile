FROM scratch
ENV a=x\\
ENV b=y
