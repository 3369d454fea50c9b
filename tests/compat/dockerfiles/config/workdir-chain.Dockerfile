FROM scratch
WORKDIR /a
WORKDIR b
WORKDIR c/../d/./e//
ENV D=/env
WORKDIR $D/x
WORKDIR ..
WORKDIR /with space/x
