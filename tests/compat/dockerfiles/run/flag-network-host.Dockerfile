FROM base:1
RUN --network=host ip link | grep -c "^[0-9]" > /n; true
#: judge twin
