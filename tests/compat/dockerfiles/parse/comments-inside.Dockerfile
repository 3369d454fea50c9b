FROM scratch
# between
LABEL a=1 \
# a comment
   # indented comment
  b=2
  # indented
LABEL c="# not a comment" d=x#y
