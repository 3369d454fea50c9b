FROM scratch
ENV N=t
ADD $N.tar /x/
