// SPDX-License-Identifier: Apache-2.0
// The lines of a Dockerfile, joined to instructions: directives, comments, continuations, heredocs.
// Source: docs/formats/dockerfile.md, "Lines".
// Threads: values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "build/parser.h"

namespace strata::build {

// The text of one instruction.
struct JoinedLine {
  std::string text;                   // continuation lines joined, without heredocs
  LineRange lines;                    // heredocs included
  std::vector<std::string> comments;  // the comment lines right before it
  std::vector<Heredoc> heredocs;
};

struct JoinedLines {
  char escape = '\\';
  std::vector<Directive> directives;
  std::vector<JoinedLine> lines;
  std::vector<EmptyContinuation> empty_continuations;
};

// `escape` counts until a directive says otherwise.
// Errors: kInvalid, "dockerfile parse error line 3: unterminated heredoc", and those of directives.
Result<JoinedLines> join_lines(std::string_view text, char escape = '\\');

// "dockerfile parse error line 2: ..."
Error line_error(int line, const Error& error);

}  // namespace strata::build
