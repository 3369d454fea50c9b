FROM scratch
LABEL a=1 \
  b=2 \
	c=3
LABEL d="x \
  y"
CMD echo one \  
 two
