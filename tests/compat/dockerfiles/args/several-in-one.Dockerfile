FROM scratch
ARG a=1 b="two words" c
LABEL a=$a b=$b c=${c:-unset}
#: args --build-arg c=3
#: judge buildkit
