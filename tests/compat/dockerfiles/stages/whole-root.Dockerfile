FROM base:1 AS b
RUN echo x > /x
FROM scratch
COPY --from=b / /
