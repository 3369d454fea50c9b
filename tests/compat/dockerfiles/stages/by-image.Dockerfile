FROM scratch
COPY --from=configured:1 /base-file /x
COPY --from=base:1 /etc /etc
