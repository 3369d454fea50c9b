FROM scratch
COPY glob/a*.c /a/
COPY glob/?1.c /b/
COPY glob/[ab]2.c /c/
COPY glob/* /all/
COPY *.txt /t/
