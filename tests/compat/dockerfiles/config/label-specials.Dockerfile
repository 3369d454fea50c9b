FROM scratch
LABEL json={"a":"<b>&"} eq=a=b=c empty="" sp="  x  "
