FROM scratch
ONBUILD RUN   spaces   kept
ONBUILD copy . /x
onbuild ENV a=$b
