FROM base:1
RUN echo zero > /out
FROM base:1
RUN echo one > /out
FROM scratch
COPY --from=0 /out /a
COPY --from=1 /out /b
