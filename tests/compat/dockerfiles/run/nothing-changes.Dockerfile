FROM base:1
RUN true
RUN echo out; echo err >&2
RUN touch /x
