FROM base:1
RUN cat <<A > /a && cat <<B > /b
first
A
second
B
#: judge twin
