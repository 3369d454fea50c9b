FROM base:1
RUN rm /etc/removed && rm -r /var
