FROM scratch
CMD ["a", 1]
#: fails
