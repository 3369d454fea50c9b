FROM base:1 AS a
FROM base:1 AS b
LABEL x=y
FROM a
LABEL z=w
