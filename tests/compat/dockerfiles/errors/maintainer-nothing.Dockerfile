FROM scratch
MAINTAINER
#: fails
