FROM scratch
EXPOSE
#: fails
