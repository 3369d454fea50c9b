FROM scratch
ENV P=/usr/local/lib.tar.gz
LABEL a=${P#*/} b=${P##*/} c=${P%.*} d=${P%%.*} e=${P/usr/opt} f=${P//l/L}
LABEL g=${P/lib*/x} h=${P//\//_}
#: judge twin
