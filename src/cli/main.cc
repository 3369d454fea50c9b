// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/fs_at.h"
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

// A descriptor 0, 1 or 2 that came closed would become the next file that is opened, and what is
// printed would go into the store. /dev/null takes the place, open for the other direction: reading
// and writing fail as before.
bool hold_standard_descriptors() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    strata::Result<strata::Fd> held =
        strata::open_path("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (!held.ok() || held->get() != fd) return false;
    (void)::fcntl(held->release(), F_SETFD, 0);  // for the programs that we start as well
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (!hold_standard_descriptors()) return 1;
  raise_open_files_limit();
  strata::cli::handle_signals();
  strata::cli::Output out(STDOUT_FILENO);
  strata::cli::Output err(STDERR_FILENO, strata::cli::Output::Hold::kAtOnce);
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return strata::cli::run_program(words, out, err);
}
