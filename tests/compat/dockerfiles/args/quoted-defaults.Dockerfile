FROM scratch
ARG a="x y"
ARG b='$a'
ARG c=\$a
LABEL a="$a" b="$b" c="$c"
