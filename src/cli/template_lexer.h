// SPDX-License-Identifier: Apache-2.0
// Splits a Go template into texts and the tokens of its actions, and reads its literals. Used by
// the parser only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/value.h"

namespace strata::cli {

struct Token {
  enum class Kind {
    kError,  // text is the message
    kEnd,
    kText,
    kOpen,   // {{
    kClose,  // }}
    kSpace,
    kField,       // .Name
    kDot,         // .
    kVariable,    // $ or $name
    kIdentifier,  // a function
    kKeyword,     // if else end range with break continue nil define template block
    kBool,
    kNumber,
    kCharacter,  // 'a'
    kString,     // "a"
    kRawString,  // `a`
    kPipe,
    kLeftParen,
    kRightParen,
    kAssign,   // =
    kDeclare,  // :=
    kOther,    // a character that has no meaning where it stands, such as ","
  };
  Kind kind = Kind::kEnd;
  size_t position = 0;
  size_t line = 1;
  std::string text;
};

// All tokens; the last one is kEnd or kError.
std::vector<Token> lex_template(std::string_view text);

// The value of a kBool, kNumber, kCharacter, kString or kRawString. Errors: kInvalid, in Go's
// words.
Result<Value> read_literal(const Token& token);

}  // namespace strata::cli
