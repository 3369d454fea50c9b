FROM scratch
ENV A=한국어 B="é $A" C=${A}x
LABEL ü=ö "emoji 🐳"="<&>"
