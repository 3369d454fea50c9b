FROM scratch
LABEL a=b "c d"="e f" g='h'
LABEL legacy some  text "here"
LABEL multi="line1\
line2" x=y
LABEL a=again
