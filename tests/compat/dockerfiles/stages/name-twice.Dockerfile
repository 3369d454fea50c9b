FROM scratch AS a
COPY f /f
FROM scratch AS a
COPY f /g
FROM a
COPY d /d
#: judge buildkit
