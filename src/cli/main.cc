// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "cli/program.h"
#include "cli/signals.h"

namespace {

// Every layer that is being staged keeps some files open. The soft limit of 1024 is there for
// select(), which we do not
// use; a failure leaves it as it is.
void raise_open_files_limit() {
  struct rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  raise_open_files_limit();
  strata::cli::handle_signals();
  strata::cli::Output out(STDOUT_FILENO);
  strata::cli::Output err(STDERR_FILENO, strata::cli::Output::Hold::kAtOnce);
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return strata::cli::run_program(words, out, err);
}
