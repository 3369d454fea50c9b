// SPDX-License-Identifier: Apache-2.0
// Reads a Dockerfile. No I/O.
// Source: docs/formats/dockerfile.md; the texts of errors are those of docker's classic builder.
// Threads: values; any thread may call any function.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "build/instruction.h"

namespace strata::build {

// "# syntax=docker/dockerfile:1" and the like, in the first lines of the file.
struct Directive {
  std::string name;  // lower case: syntax, escape or check
  std::string value;
  LineRange lines;
};

// An empty line inside a continued instruction: read, but docker warns of it.
struct EmptyContinuation {
  std::string instruction;  // the joined text
  LineRange lines;          // its last line
};

struct Dockerfile {
  char escape = '\\';
  std::vector<Directive> directives;
  std::vector<Instruction> global_args;  // ARG before the first FROM
  std::vector<Stage> stages;             // at least one
  std::vector<EmptyContinuation> empty_continuations;

  const Directive* directive(std::string_view name) const;  // null: absent
  // Index of the last stage of that name (case does not matter) before `end`, or of that number.
  std::optional<size_t> find_stage(std::string_view name, size_t end) const;
};

// The whole file. Errors: kInvalid, e.g. "dockerfile parse error line 2: unknown instruction: FOO";
// "no build stage in current context"; "file with no instructions".
Result<Dockerfile> parse_dockerfile(std::string_view text);

// One instruction: the trigger of an ONBUILD. Its lines are counted from 1.
Result<Instruction> parse_instruction(std::string_view text, char escape = '\\');

// The changes of `commit -c` and `import -c`: instructions that only touch the config.
// Errors: kInvalid, "run is not a valid change command" and the parser's.
Result<std::vector<Instruction>> parse_changes(std::span<const std::string> changes);

// What a RUN with heredocs asks for.
struct RunScript {
  std::string
      file_name;  // not empty: a file of that name with `text` as content, mode 0755, to be executed
  std::string text;  // file_name empty: what the shell is given as its one argument
};
// Errors: kInvalid for the exec form with heredocs.
Result<RunScript> run_script(const Run& run);

}  // namespace strata::build
