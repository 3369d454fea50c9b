FROM scratch AS one
COPY f /one
#: args --target nope
#: fails
