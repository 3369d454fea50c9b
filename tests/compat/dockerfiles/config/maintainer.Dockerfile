FROM scratch
MAINTAINER  Some  Body <s@example.com>
LABEL a=b
MAINTAINER Other $X
