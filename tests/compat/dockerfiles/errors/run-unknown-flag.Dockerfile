FROM scratch
RUN --foo x
#: fails
