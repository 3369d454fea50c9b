FROM base:1
COPY <<EOF /x
EOF
#: judge twin
