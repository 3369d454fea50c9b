// SPDX-License-Identifier: Apache-2.0
// SpillLog: a list of byte strings that may outgrow memory: what exceeds a small buffer waits in a
// nameless file.
// Threads: one.
#pragma once

#include <functional>
#include <string>

#include "base/fs_at.h"

namespace strata::driver {

class SpillLog {
 public:
  // `folder` is where the nameless file is made when it is needed. Borrowed.
  explicit SpillLog(const Fd& folder) : folder_(folder) {}

  Status append(std::string_view record);
  // Calls `visit` with every record, in order. The log is read only from then on.
  Status for_each(const std::function<Status(std::string_view)>& visit);

 private:
  Status spill();

  const Fd& folder_;
  std::string buffer_;  // records, each behind its length in 4 bytes
  Fd file_;
};

}  // namespace strata::driver
