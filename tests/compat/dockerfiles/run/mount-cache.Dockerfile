FROM base:1
RUN --mount=type=cache,target=/c/d ls -A /c/d | wc -l > /n && echo x > /c/d/f
RUN ls -A /c/d > /left || true
#: judge buildkit
