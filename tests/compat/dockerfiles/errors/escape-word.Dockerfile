# escape=x
FROM scratch
COPY f /
#: fails
