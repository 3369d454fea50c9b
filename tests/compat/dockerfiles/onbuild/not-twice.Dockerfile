FROM onbuild:1 AS a
LABEL x=y
FROM a
LABEL z=w
