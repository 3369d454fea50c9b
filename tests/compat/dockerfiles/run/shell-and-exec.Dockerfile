FROM base:1
RUN echo shell  form > /a
RUN ["/bin/sh", "-c", "echo exec > /b"]
RUN ["touch", "/c d"]
