FROM a bs c
#: fails
