FROM scratch
ADD owned.tar /o/
ADD --chown=7:8 owned.tar /p/
