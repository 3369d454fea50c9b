# escape=`
FROM scratch
LABEL a=b `
  c=d\ e=`"x`" f="`$x"
ENV P=C:\dir\
ENV q="x`
y"
