FROM scratch
COPY --exclude=*.c --exclude=d glob /x/
COPY --exclude=sub --exclude=up dir /y/
COPY --exclude=**/two --exclude=up dir /z/
#: judge twin
