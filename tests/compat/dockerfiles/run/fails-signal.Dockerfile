FROM base:1
RUN sh -c 'kill -KILL $$'; exit $?
#: fails
