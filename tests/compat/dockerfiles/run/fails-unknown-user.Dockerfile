FROM base:1
USER stranger
RUN true
#: fails
