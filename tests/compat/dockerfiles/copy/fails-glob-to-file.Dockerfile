FROM scratch
COPY *.txt /x
#: fails
