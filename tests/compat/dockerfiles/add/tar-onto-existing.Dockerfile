FROM base:1
ADD t.tar /
ADD t.tar /etc
