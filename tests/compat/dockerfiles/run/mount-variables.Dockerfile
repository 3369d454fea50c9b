FROM base:1
ARG T=/v
ENV I=idv
RUN --mount=type=cache,target=$T,id=$I touch $T/x && ls $T > /l
#: judge twin
