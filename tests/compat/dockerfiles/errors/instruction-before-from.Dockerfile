RUN x
FROM scratch
#: fails
