FROM scratch
ENV a=b
CMD last line without end