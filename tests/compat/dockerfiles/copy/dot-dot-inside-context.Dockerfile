FROM scratch
COPY dir/../a.txt /x
COPY ./././b.txt /y
COPY /a.txt /z
