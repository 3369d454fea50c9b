FROM base:1
WORKDIR /a/b
RUN pwd > here
WORKDIR c
RUN pwd > here && touch ../up
