// SPDX-License-Identifier: Apache-2.0
// Frozen: the programs of a running container stand still for as long as this lives.
// Shape:   cgroup2: <cgroup>/cgroup.freeze, 0 or 1, and cgroup.events; v1: freezer.state.
// Source:  cgroup-v2.rst "Core Interface Files", freezer-subsystem.rst of Linux.
// Threads: one at a time.
// Crash:   a frozen container stays so until `docker unpause`, or a write of "THAWED" or 0.
#pragma once

#include <string>

#include "runtime/container_record.h"

namespace strata::runtime {

class Frozen {
 public:
  Frozen() = default;  // nothing stands still
  // Freezes the container if it runs, whoever runs it. One that is frozen already stays so.
  // Errors: kUnsupported when there is no cgroup of its own to freeze; kIo.
  static Result<Frozen> freeze(const store::Store& store, const ContainerRecord& container);
  Frozen(Frozen&& other) noexcept;
  Frozen& operator=(Frozen&&) = delete;
  ~Frozen();

 private:
  std::string file_;  // empty: nothing to thaw
  std::string thaw_;
};

}  // namespace strata::runtime
