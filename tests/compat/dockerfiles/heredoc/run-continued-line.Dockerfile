FROM base:1
RUN <<EOF
echo a \
 b > /x
EOF
RUN echo y > /y
#: judge twin
