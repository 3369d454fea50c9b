FROM base:1
RUN mkdir /from && echo a > /from/a
RUN mv /from /to && mv /etc/passwd /etc/passwd2
