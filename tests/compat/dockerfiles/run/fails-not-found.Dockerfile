FROM base:1
RUN ["/no/such/program"]
#: fails
