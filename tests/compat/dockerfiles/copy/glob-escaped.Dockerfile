FROM scratch
COPY glob/[[]z].c /z/
