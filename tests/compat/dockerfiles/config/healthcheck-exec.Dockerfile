FROM scratch
HEALTHCHECK CMD ["curl", "-f"]
