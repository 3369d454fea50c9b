FROM scratch AS first
COPY --from=later /x /y
FROM scratch AS later
COPY f /x
FROM first
COPY f /z
#: fails
