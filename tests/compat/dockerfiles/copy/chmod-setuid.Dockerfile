FROM base:1
COPY --chmod=4755 program /z
COPY --chmod=2711 --chown=1:2 a.txt /y
#: judge twin
