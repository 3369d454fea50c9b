FROM base:1
ARG Z=1
ARG A=2
ARG M
RUN true
#: args --build-arg M=3
