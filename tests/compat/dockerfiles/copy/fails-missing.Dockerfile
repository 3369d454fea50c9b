FROM scratch
COPY nothing /x
#: fails
