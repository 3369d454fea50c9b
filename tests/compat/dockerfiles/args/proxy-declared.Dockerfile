FROM base:1
ARG HTTP_PROXY
RUN echo "$HTTP_PROXY" > /x
LABEL p=$HTTP_PROXY
#: args --build-arg HTTP_PROXY=http://p:1
