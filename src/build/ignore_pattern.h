// SPDX-License-Identifier: Apache-2.0
// One pattern of an ignore file, ready to be compared with paths.
//   *      any characters but '/'          ?      one character but '/'
//   **     any characters                  **/    nothing, or anything that ends in '/'
//   [a-z]  a character of a class          \c     the character c
// Threads: const methods may be called by any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::build {

class IgnorePattern {
 public:
  // `text` without "!", cleaned. Errors: kInvalid, `syntax error in pattern`.
  static Result<IgnorePattern> compile(std::string_view text, bool is_exception);

  bool matches(std::string_view path) const;
  bool is_exception() const { return is_exception_; }
  const std::string& text() const { return text_; }

 private:
  enum class Kind : uint8_t {
    kLiteral,
    kAnyOne,
    kAnyName,
    kAnyPath,
    kAnyFolders,
    kClass,
    kNothing
  };
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
  Result<size_t> add_class(std::string_view text, size_t at);
  void add_literal(std::string_view bytes);
  bool matches_from(size_t token, std::string_view rest) const;

  std::string text_;
  bool is_exception_ = false;
  std::vector<Token> tokens_;
};

}  // namespace strata::build
