FROM base:1 AS made
RUN mkdir /out && echo made > /out/f
FROM base:1
RUN --mount=type=bind,from=made,source=/out,target=/in cat /in/f > /got
RUN --mount=from=made,target=/all cat /all/out/f >> /got; ls -A /in > /left || true
#: judge buildkit
