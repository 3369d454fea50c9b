FROM base:1
VOLUME /v
COPY a.txt /v/x
RUN echo kept > /v/y
RUN ls /v > /list
#: judge buildkit
