FROM base:1
COPY --chown=stranger a.txt /x
#: fails
