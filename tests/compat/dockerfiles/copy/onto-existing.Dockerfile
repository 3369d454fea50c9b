FROM base:1
COPY a.txt /x
COPY b.txt /x
COPY dir /d
RUN rm /d/one && chmod 700 /d/sub && chown 5:6 /d/sub
COPY dir /d
