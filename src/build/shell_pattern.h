// SPDX-License-Identifier: Apache-2.0
// The patterns of ${name#pattern}, ${name%pattern} and ${name/pattern/word}.
// Source: the Dockerfile reference, "Environment replacement".
// Threads: values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::build {

class ShellPattern {
 public:
  // Errors: kInvalid, `invalid pattern (x\y) in substitution: invalid escape '\y'`.
  static Result<ShellPattern> parse(std::string_view text);

  // The value without what matches at its beginning or end, the longest of it or the shortest.
  std::string without_prefix(std::string_view value, bool longest) const;
  std::string without_suffix(std::string_view value, bool longest) const;
  // The value with the first or all matches, each the longest, replaced.
  std::string replace(std::string_view value, std::string_view replacement, bool all) const;

 private:
  enum class Kind { kLiteral, kAnyOne, kAnyMany };
  struct Token {
    Kind kind = Kind::kLiteral;
    std::string text;  // kLiteral: one character
  };

  // Where a match that begins at `start` ends.
  std::optional<size_t> match_at(std::string_view value, size_t start, bool longest) const;

  std::vector<Token> tokens_;
};

}  // namespace strata::build
