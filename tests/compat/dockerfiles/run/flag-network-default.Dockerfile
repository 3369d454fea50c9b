FROM base:1
RUN --network=default ip link | grep -c "^[0-9]" > /n; true
#: judge twin
