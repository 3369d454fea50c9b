FROM --platform=linux/amd64 base:1
LABEL a=b
