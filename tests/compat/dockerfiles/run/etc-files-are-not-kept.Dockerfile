FROM base:1
RUN echo x > /etc/hosts || true
RUN echo y > /etc/resolv.conf || true
RUN ls -1 /etc > /etc-list
