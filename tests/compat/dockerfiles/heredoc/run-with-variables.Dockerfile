FROM base:1
ARG A=1
ENV E=2
RUN <<EOF
echo $A$E > /x
EOF
#: judge twin
