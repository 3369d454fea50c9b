FROM base:1 AS configured
RUN echo mine > /base-file
FROM configured
LABEL a=b
