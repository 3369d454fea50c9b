FROM a b
#: fails
