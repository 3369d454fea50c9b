FROM scratch
EXPOSE 80-70
#: fails
