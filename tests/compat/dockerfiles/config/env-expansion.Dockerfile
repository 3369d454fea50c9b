FROM scratch
ENV A=1
ENV A=2 B=$A C=${A} D=${A}x E=$UNSET F=${UNSET:-dflt} G=${A:+alt} H=${UNSET:+alt}
ENV I=$B$C J="$A $B" K='$A' L=\$A M=$
