FROM onbuild:1
LABEL own=1
