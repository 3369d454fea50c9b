FROM configured:1
CMD ["own"]
ENTRYPOINT ["new"]
