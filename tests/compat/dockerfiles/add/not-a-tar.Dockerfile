FROM scratch
ADD not-a-tar.tar /x/
