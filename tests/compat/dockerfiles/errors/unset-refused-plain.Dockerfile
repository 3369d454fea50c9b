FROM scratch
ENV a=${b?}
#: fails
