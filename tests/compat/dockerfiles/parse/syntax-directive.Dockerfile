# syntax=docker/dockerfile:1
FROM scratch
LABEL a=b
