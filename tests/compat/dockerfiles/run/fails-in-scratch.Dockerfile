FROM scratch
RUN true
#: fails
