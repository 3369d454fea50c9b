FROM onbuild:1
