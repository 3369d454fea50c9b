FROM ${FOO
#: fails
