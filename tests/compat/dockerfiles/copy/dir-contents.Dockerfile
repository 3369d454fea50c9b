FROM scratch
COPY dir /d
COPY dir/ /e/
COPY dir/sub /d
COPY ./dir/. /f
