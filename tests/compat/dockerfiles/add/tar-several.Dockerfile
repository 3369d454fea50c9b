FROM scratch
ADD t.tar f owned.tar /m/
