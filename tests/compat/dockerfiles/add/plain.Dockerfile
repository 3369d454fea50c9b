FROM scratch
ADD f /x
ADD f d /y/
ADD d /z
