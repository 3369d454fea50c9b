# comment
# escape=`
FROM scratch
LABEL a=b`
