FROM scratch
ENV PATH=/custom:$PATH
ENV PATH $PATH:/more
