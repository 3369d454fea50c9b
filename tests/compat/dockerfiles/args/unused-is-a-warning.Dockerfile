FROM scratch
ARG A
LABEL a=b
#: args --build-arg NOBODY=1 --build-arg A=2
