ARG IMAGE=nothing
FROM $IMAGE
LABEL a=b
#: args --build-arg IMAGE=configured:1
