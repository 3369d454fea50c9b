FROM base:1
ARG A=1
ARG B=2
ARG C
ARG D
ENV a=$A b=$B c=$C d=${D:-unset}
RUN echo "$A $B $C $D" > /x
#: args --build-arg B=given --build-arg C=also
