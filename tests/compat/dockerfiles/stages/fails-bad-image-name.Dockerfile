FROM Upper/Case
LABEL a=b
#: fails
