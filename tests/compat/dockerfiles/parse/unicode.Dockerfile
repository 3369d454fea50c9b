FROM scratch
LABEL "ключ"="значение" \
  空=白
CMD ["é", "日本"]
