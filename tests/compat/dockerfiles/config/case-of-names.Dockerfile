FROM scratch
env a=1
EnV b=2
lAbEl c=3
from scratch
LaBeL d=4
