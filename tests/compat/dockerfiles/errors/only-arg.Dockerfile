ARG a
#: judge none
#: fails
