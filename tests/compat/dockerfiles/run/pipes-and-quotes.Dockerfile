FROM base:1
RUN echo "a  b" 'c  d' | tr a-z A-Z > /x && printf "%s\n" "$0" > /y
