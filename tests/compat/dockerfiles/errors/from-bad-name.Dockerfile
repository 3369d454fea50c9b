FROM a as 1x
#: fails
