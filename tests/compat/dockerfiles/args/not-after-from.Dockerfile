FROM scratch
LABEL a=${A:-none}
ARG A=1
LABEL b=$A
