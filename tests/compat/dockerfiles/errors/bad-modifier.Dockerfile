FROM scratch
LABEL a=${b:/x}
#: fails
