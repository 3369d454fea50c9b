FROM base:1
ENV A=1
RUN echo $A > /x
COPY f /f
WORKDIR /w
LABEL l=m
CMD ["x"]
