FROM base:1 AS b
WORKDIR /w
RUN echo x > f
FROM scratch
COPY --from=b w/f /x
