FROM base:1
RUN mkdir -m 777 /w
USER app
RUN id > /w/id && echo $HOME > /w/home && touch /w/f
USER 1234:5678
RUN id -u > /w/n && id -g >> /w/n
USER app:extra
RUN id -g > /w/g
USER nobody
RUN id -G > /w/groups
