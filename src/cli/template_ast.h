// SPDX-License-Identifier: Apache-2.0
// The parsed form of a Go template, and its parser. Used by template.cc only.
// Threads: a tree does not change once it is parsed.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/value.h"

namespace strata::cli {

struct Pipe;

// One word of a command: {{ index .A 1 }} has three.
struct Operand {
  enum class Kind {
    kDot,
    kField,     // .A.B
    kVariable,  // $x.A.B; names[0] is "$x"
    kChain,     // (pipe).A.B
    kPipe,      // (pipe)
    kFunction,
    kNil,
    kConstant,
  };
  Kind kind = Kind::kDot;
  size_t position = 0;  // in bytes from the beginning of the template: for error messages
  std::vector<std::string> names;  // of fields; the variable or function itself comes first
  std::shared_ptr<Pipe> pipe;      // kChain, kPipe
  Value constant;
  std::string text;  // as Go prints the node
};

// As Go prints a command.
std::string text_of(std::span<const Operand> words);

struct Command {
  std::vector<Operand> words;
};

struct Pipe {
  size_t position = 0;
  std::vector<std::string> variables;  // declared or assigned by this pipe
  bool assigns = false;                // "=" and not ":="
  std::vector<Command> commands;
  std::string text() const;
};

struct Node {
  enum class Kind { kText, kAction, kIf, kWith, kRange, kBreak, kContinue };
  Kind kind = Kind::kText;
  size_t position = 0;
  std::string text;        // kText
  Pipe pipe;               // all but kText, kBreak, kContinue
  std::vector<Node> body;  // kIf, kWith, kRange
  std::vector<Node> otherwise;
};

// Errors: kInvalid, in Go's words without their "template: :1: " in front, but with the line:
// "1: unclosed action".
Result<std::vector<Node>> parse_template(std::string_view text);

}  // namespace strata::cli
