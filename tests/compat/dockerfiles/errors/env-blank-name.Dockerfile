FROM scratch
ENV =b
#: fails
