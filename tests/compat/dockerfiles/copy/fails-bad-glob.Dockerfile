FROM scratch
COPY glob/[a /x/
#: fails
