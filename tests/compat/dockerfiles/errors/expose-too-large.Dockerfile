FROM scratch
EXPOSE 99999
#: fails
