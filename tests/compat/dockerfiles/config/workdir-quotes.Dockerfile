FROM scratch
WORKDIR "/quoted dir"
WORKDIR 'x'
