FROM scratch
ENV V=1.2
LABEL version=$V "ver-${V}"="x$V" name.$V=y
