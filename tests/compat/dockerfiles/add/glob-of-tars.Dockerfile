FROM scratch
ADD t.tar.* /x/
