FROM base:1
RUN <<EOF
echo one > /x
echo two >> /x
EOF
#: judge twin
