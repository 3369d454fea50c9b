FROM scratch
ARG a=1 b="two words" c
LABEL a=$a b=$b
#: args --build-arg c=3
