FROM
#: fails
