FROM scratch
CMD shell form  with $VARS "quotes"
CMD ["exec", "form with space", "$VARS", "\u00e9<&>"]
