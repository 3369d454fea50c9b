FROM base:1
RUN --network=none ip link | grep -c "^[0-9]" > /n; true
#: judge twin
#: args --network host
