FROM base:1 AS b
RUN mkdir /g && touch /g/a1 /g/a2 /g/b1
FROM scratch
COPY --from=b /g/a* /g/
