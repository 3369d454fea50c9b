FROM scratch
CMD ['single']
