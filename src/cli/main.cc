// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <string>
#include <vector>

#include "cli/program.h"
#include "cli/signals.h"

int main(int argc, char** argv) {
  strata::cli::handle_signals();
  strata::cli::Output out(STDOUT_FILENO);
  strata::cli::Output err(STDERR_FILENO, strata::cli::Output::Hold::kAtOnce);
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return strata::cli::run_program(words, out, err);
}
