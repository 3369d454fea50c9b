FROM base:1
COPY --chmod=u=rwx,go=rx a.txt /x
COPY --chmod=a+x,g-r b.txt /y
#: judge twin
