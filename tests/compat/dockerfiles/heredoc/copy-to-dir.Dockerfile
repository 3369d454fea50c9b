FROM scratch
COPY <<two-lines /d/
one
two
two-lines
#: judge twin
