FROM base:1
RUN --mount=from=configured:1,target=/i cat /i/base-file > /got
#: judge buildkit
