FROM scratch
ENV V=1
COPY <<EOF /x
v=$V 'q' "r"
EOF
#: judge twin
