FROM scratch
ENV E= S=set
LABEL a=${S:-x} b=${E:-x} c=${U:-x} d=${S:+y} e=${E:+y} f=${U:+y} g=${S:?no} h=${U:-${S:-z}} i="${U:-a b}"
