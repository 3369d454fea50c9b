// SPDX-License-Identifier: Apache-2.0
// Runs another program to its end: text in, text out.
// Threads: any. The process ignores SIGPIPE.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata {

struct ProgramResult {
  int exit_code = 0;   // 128 + signal number when a signal ended it
  std::string output;  // of its standard output
};

// Looks for `words[0]` in PATH, gives it `input` and this process's standard error, and waits.
// Errors: kNotFound (no such program), kPermission, kCorrupt (it printed more than `limit_bytes`;
// it is killed), kCancelled (see interrupt.h: it was asked to end), kIo.
Result<ProgramResult> run_program(const std::vector<std::string>& words, std::string_view input,
                                  size_t limit_bytes);

}  // namespace strata
