# nothing
#: fails
