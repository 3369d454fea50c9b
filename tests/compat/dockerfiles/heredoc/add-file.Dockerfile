FROM scratch
ADD <<EOF /x
one
two
EOF
#: judge twin
