FROM base:1
RUN echo before > /x
RUN exit 7
#: fails
