FROM scratch
COPY "a.txt" '/q'
COPY with\ space /e
#: fails
