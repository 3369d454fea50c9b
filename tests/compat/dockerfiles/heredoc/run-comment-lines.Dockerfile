FROM base:1
RUN <<EOF
# a comment of the shell
echo x > /x

EOF
#: judge twin
