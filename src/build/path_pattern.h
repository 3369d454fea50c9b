// SPDX-License-Identifier: Apache-2.0
// Patterns of COPY's sources and of ignore files.
//   *      any characters but '/'          ?      one character but '/'
//   [a-z]  a character of a class          [^a]   one that is not in it; either may be '/'
//   \c     the character c
// in ignore files and --exclude also
//   **     at the end: any characters      **/    (or ** before anything) nothing, or what ends in '/'
// Source:  Go's path.Match (COPY: whole paths are compared with it); docker's pattern matcher.
// Threads: const methods may be called by any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::build {

class PathPattern {
 public:
  enum class DoubleStar { kNotSpecial, kAnyFolders };

  // Errors: kInvalid, `syntax error in pattern`.
  static Result<PathPattern> compile(std::string_view text, DoubleStar double_star);

  // Whether it covers all of the path.
  bool matches(std::string_view path) const;
  const std::string& text() const { return text_; }

 private:
  enum class Kind : uint8_t { kLiteral, kAnyOne, kAnyName, kAnyPath, kAnyFolders, kClass };
  struct Range {
    char32_t first;
    char32_t last;
  };
  struct Token {
    Kind kind;
    bool negated = false;      // kClass
    std::string literal = {};  // kLiteral
    std::vector<Range> ranges = {};
  };
  class Compiler;
  class Match;

  std::string text_;
  std::vector<Token> tokens_;
  size_t least_bytes_ = 0;  // a shorter path cannot match
  size_t stars_ = 0;        // places where more than one way has to be tried
};

// Whether docker takes a source for a pattern: it has '*', '?' or '[' that no '\' precedes.
bool has_wildcards(std::string_view source);

}  // namespace strata::build
