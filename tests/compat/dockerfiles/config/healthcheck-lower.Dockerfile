FROM scratch
healthcheck --interval=500ms cmd true
HEALTHCHECK none
