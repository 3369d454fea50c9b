FROM scratch
ADD nope /x
#: fails
