FROM base:1
RUN echo 0 >> /n
RUN echo 1 >> /n
RUN echo 2 >> /n
RUN echo 3 >> /n
RUN echo 4 >> /n
RUN echo 5 >> /n
RUN echo 6 >> /n
RUN echo 7 >> /n
RUN echo 8 >> /n
RUN echo 9 >> /n
RUN echo 10 >> /n
RUN echo 11 >> /n
