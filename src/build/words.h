// SPDX-License-Identifier: Apache-2.0
// How the text of one instruction falls into keyword, flags and words.
// Source: docs/formats/dockerfile.md, "Words".
// Threads: functions without state.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "build/instruction.h"

namespace strata::build {

// What separates words: space, tab, \n, \v, \f, \r.
bool is_space(char c);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);

// "COPY --from=x a b": keyword COPY, flags {"--from=x"}, arguments "a b". Quotes and backslashes in
// flags are taken off.
struct CommandText {
  std::string keyword;
  std::vector<std::string> flags;
  std::string arguments;
};
CommandText split_command(std::string_view text);

// Up to the first run of spaces, and what follows it; nothing follows: no second part.
std::pair<std::string, std::optional<std::string>> split_first(std::string_view text);
// Split at each run of spaces, whatever quotes there are.
std::vector<std::string> split_at_spaces(std::string_view text);
// Split at spaces outside of quotes; quotes and escapes stay in the words.
std::vector<std::string> split_words(std::string_view text, char escape);

// The elements of a JSON array of strings; nothing if the text is not a JSON array.
// Errors: kInvalid for an array with other elements in it.
Result<std::optional<std::vector<std::string>>> parse_json_words(std::string_view text);

// The heredoc that a word opens, without its content: "<<EOF", "3<<-'EOF'". Nothing: not one.
std::optional<Heredoc> parse_heredoc(std::string_view word);
// Those of a line, in order. Nothing for an instruction that takes none: only RUN, COPY and ADD not in
// JSON form do, also behind ONBUILD.
std::vector<Heredoc> heredocs_of_line(std::string_view line);

}  // namespace strata::build
