FROM base:1 AS seed
RUN mkdir /s && echo seeded > /s/f
FROM base:1
RUN --mount=type=cache,target=/c,id=seeded,from=seed,source=/s cat /c/f > /got
#: judge buildkit
