FROM scratch
ADD broken.tar /x/
#: fails
