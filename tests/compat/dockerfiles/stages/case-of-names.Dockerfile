FROM base:1 AS Build
RUN echo x > /x
FROM scratch
COPY --from=BUILD /x /y
FROM build
LABEL a=b
