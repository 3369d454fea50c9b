FROM configured:1
ENTRYPOINT ["new"]
