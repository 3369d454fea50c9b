FROM scratch
COPY --from=7 /x /y
#: fails
