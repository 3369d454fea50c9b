FROM base:1
RUN mkdir -p /d/e && echo x > /d/e/f && echo y > /g && mkdir /h && echo z > /h/i
RUN rm -r /d && rm /g && rm -r /h && mkdir /h && echo new > /h/j
RUN echo back > /g && mkdir /d
