FROM scratch
COPY --parents dir/sub/two glob/a1.c /p/
COPY --parents ./dir/./sub/three.txt /q/
#: judge twin
