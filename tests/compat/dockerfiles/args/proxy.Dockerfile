FROM base:1
RUN echo "$HTTP_PROXY $no_proxy" > /x
#: args --build-arg HTTP_PROXY=http://p:1 --build-arg no_proxy=x
