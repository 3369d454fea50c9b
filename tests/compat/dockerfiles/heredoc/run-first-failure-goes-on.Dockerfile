FROM base:1
RUN <<EOF
false
true
EOF
#: judge twin
