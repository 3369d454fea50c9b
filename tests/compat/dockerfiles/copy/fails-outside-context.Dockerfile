FROM scratch
COPY ../a.txt /w
#: fails
