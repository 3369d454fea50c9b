FROM onbuild:1
RUN echo $FROM_TRIGGER > /y
#: args --build-arg TRIG=given
