FROM base:1 AS seed
RUN mkdir -p /s/d && echo seeded > /s/d/f && chown 5:6 /s/d/f && chown -R 7 /s/d
FROM base:1
RUN --mount=type=cache,target=/c,id=seeded-owner,from=seed,source=/s ls -ln /c/d | awk '{print $1, $3, $4}' > /got
#: judge buildkit
