FROM scratch
ENV A="a'b" B='a"b' C=a\\b D="a\\b" E='a\b' F="a\nb" G="" H='' I=a"b c"d'e f'g
