FROM base:1
RUN mkdir /x && touch /x/y
RUN rm -r /x && echo file > /x
RUN rm /x && mkdir /x
