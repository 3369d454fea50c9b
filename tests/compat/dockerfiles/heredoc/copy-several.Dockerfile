FROM scratch
COPY <<two-lines plain <<"raw" /d/
one
two
two-lines
v=$V
	tab
raw
#: judge twin
