FROM base:1 AS b
COPY f /f
FROM scratch
COPY --from=b /f /f
COPY --from=b /etc/passwd /p
