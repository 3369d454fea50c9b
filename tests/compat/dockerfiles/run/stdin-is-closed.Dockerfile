FROM base:1
RUN cat > /in; echo done >> /in
