FROM scratch
USER --x y
#: fails
