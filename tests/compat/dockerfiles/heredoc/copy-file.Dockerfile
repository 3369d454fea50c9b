FROM scratch
COPY <<EOF /x
one
two
EOF
#: judge twin
