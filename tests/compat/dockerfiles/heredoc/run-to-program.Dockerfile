FROM base:1
RUN cat <<EOF > /x
v=$PATH
EOF
#: judge twin
