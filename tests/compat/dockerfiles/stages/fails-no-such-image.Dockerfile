FROM localhost:1/no/such:image
LABEL a=b
#: fails
