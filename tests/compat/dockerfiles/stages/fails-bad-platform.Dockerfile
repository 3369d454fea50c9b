FROM --platform=a/b/c/d base:1
LABEL a=b
#: fails
