FROM scratch
COPY --from= a.txt /x
