FROM scratch
COPY ["with space/x y", "/a b"]
COPY ["a.txt", "with space", "/m n/"]
