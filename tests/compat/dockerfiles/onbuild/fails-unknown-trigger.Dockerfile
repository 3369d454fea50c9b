FROM base:1 AS a
ONBUILD NOSUCH thing
FROM a
#: fails
