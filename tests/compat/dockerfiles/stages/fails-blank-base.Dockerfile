ARG X
FROM $X
LABEL a=b
#: fails
