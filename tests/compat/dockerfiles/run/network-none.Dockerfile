FROM base:1
RUN ip link 2>/dev/null | grep -c "^[0-9]" > /n; true
