FROM scratch
ARG U=9
COPY --chown=$U:10 a.txt /x
