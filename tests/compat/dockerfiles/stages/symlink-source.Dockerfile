FROM base:1 AS b
RUN mkdir /real && echo x > /real/f && ln -s real /ln && ln -s /real/f /abs
FROM scratch
COPY --from=b /ln /a
COPY --from=b /abs /b
COPY --from=b /ln/f /c
