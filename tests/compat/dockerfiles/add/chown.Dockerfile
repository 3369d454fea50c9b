FROM scratch
ADD --chown=3:4 f /x
ADD --chown=5:6 d /d/
