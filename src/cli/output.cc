// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <unistd.h>

#include <cerrno>

#include "base/fd.h"

namespace strata::cli {

constexpr size_t kHoldBytes = 64 * 1024;

void Output::print(std::string_view text) {
  held_ += text;
  if (hold_ == Hold::kAtOnce || held_.size() >= kHoldBytes) (void)flush().ok();
}

bool Output::is_terminal() const { return ::isatty(fd_) == 1; }

Status Output::flush() {
  if (status_.ok() && !held_.empty()) {
    status_ = write_all(fd_, as_bytes(held_));
    reader_is_gone_ = !status_.ok() && errno == EPIPE;
  }
  held_.clear();
  return status_;
}

}  // namespace strata::cli
