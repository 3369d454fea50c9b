# unknown=x
# escape=`
FROM scratch
LABEL a=b \
 c=d
