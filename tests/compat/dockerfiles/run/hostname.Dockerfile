FROM base:1
RUN hostname | wc -c > /h
