FROM scratch
CMD []
