FROM scratch
ENV A=1 B="two words" C=a\ b D='single $A' E= F="x\"y"
ENV G legacy  value "quoted"
ENV H=
ENV A=2
