FROM scratch
ADD f
#: fails
