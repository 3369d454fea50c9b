FROM base:1 AS a
RUN echo a > /a
FROM base:1 AS b
COPY --from=a /a /a
RUN echo b >> /a
FROM base:1 AS c
COPY --from=b /a /a
RUN echo c >> /a
FROM scratch
COPY --from=c /a /
