FROM base:1
RUN <<-EOF
	echo x > /x
	EOF
#: judge twin
