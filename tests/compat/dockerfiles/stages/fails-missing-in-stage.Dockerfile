FROM base:1 AS b
FROM scratch
COPY --from=b /nope /x
#: fails
