FROM scratch
LABEL a=b \
  c=d
ENV x="y"
