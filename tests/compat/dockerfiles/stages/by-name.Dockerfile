FROM base:1 AS build
RUN echo made > /out && mkdir /t && echo x > /t/y
FROM scratch
COPY --from=build /out /o
COPY --from=build /t /t
