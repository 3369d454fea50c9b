FROM scratch
ENV a.b=1 a-b=2 A_B=3 "q n"=4
ENV N=A_B
ENV $N=5
