FROM base:1
RUN mkdir /d && touch /d/.whx /d/wh. "/d/.w h."
