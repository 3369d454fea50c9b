FROM base:1
ARG A=dflt
RUN echo "[$A]" > /x
#: args --build-arg A=
