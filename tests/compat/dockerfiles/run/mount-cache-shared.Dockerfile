FROM base:1
RUN --mount=type=cache,target=/c,id=one echo x > /c/f
RUN --mount=type=cache,target=/other,id=one,sharing=locked cat /other/f > /got
RUN --mount=type=cache,target=/ro,id=one,ro sh -c "touch /ro/x || echo refused > /r"
#: judge buildkit
