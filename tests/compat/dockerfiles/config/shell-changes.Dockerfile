FROM scratch
CMD before
SHELL ["/bin/bash", "-ec"]
CMD after
ENTRYPOINT entry
SHELL ["/bin/sh", "-c"]
