FROM base:1
RUN touch "/a b" "/x'y" "/n\\l" /-dash /..dots && mkdir "/dir with space" && printf x > "$(printf "/tab\there")" && touch /한국
