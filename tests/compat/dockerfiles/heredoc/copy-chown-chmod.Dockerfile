FROM base:1
COPY --chown=3:4 --chmod=640 <<EOF /x
one
two
EOF
#: judge twin
