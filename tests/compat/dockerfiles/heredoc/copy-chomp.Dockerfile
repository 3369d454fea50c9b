FROM scratch
COPY <<-EOF /x
	a
		 b
	EOF
#: judge twin
