FROM scratch
ENV a="one\
two" b='three\
four'
