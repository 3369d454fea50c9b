FROM base:1
COPY cap /
RUN chmod 755 /cap
