FROM scratch
ADD odd.tar /odd/
