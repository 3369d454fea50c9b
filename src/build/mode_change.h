// SPDX-License-Identifier: Apache-2.0
// ModeChange: what --chmod says: an octal number, or a change as chmod(1) takes it ("u=rwX,go-w").
// Source:  BuildKit: up to 07777, or BSD's setmode(3) with a umask of 0.
// Threads: values.
#pragma once

#include <sys/types.h>

#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::build {

class ModeChange {
 public:
  // Errors: kInvalid, `invalid chmod parameter: '...'. it should be octal string and between 0 and 07777`.
  static Result<ModeChange> parse(std::string_view text);

  // The permission bits (07777) that a file of this mode (with type bits) gets.
  mode_t apply(mode_t mode) const;

 private:
  // One "+", "-" or "=" for the bits of `who`.
  struct Step {
    mode_t who;  // mask of the bits that may change
    char action;
    mode_t bits = 0;
    mode_t copied = 0;            // of u, g, o: whose bits are taken (07 at that place); 0: none
    bool execute_if_any = false;  // X
  };
  class Parser;
  mode_t apply(const Step& step, mode_t mode) const;

  std::vector<Step> steps_;
};

}  // namespace strata::build
