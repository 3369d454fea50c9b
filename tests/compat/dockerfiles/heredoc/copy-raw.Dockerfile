FROM scratch
ENV V=1
COPY <<'EOF' /x
v=$V
	tab
EOF
#: judge twin
