# escape=`
# escape=`
FROM scratch
COPY f /
#: fails
