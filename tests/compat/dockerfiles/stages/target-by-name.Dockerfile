FROM scratch AS one
COPY f /one
FROM scratch AS two
COPY f /two
#: args --target one
