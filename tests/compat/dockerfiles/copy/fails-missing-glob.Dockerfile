FROM scratch
COPY no*.txt /x/
#: fails
