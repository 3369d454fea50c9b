// SPDX-License-Identifier: Apache-2.0
// The whole program but its process: words in, texts and an exit code out.
// Exit codes, as docker's: 0; 1 an error; 125 options that are not understood; 128 + signal.
// Threads: one at a time.
#pragma once

#include <span>
#include <string>

#include "cli/output.h"

namespace strata::cli {

// `words` without the program's name.
int run_program(std::span<const std::string> words, Output& out, Output& err);

}  // namespace strata::cli
