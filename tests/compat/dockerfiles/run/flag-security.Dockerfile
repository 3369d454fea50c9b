FROM base:1
RUN --security=sandbox echo x > /x
#: judge twin
