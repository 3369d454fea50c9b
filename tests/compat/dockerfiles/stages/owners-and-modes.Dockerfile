FROM base:1 AS b
RUN mkdir -p /t/u && echo a > /t/a && chmod 4750 /t/a && chown 1000:2000 /t/a /t/u && chmod 1777 /t/u && ln -s a /t/l && ln /t/a /t/h
FROM scratch
COPY --from=b /t /t
COPY --from=b --chown=5:6 /t /v
