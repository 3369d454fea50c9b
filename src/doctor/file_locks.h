// SPDX-License-Identifier: Apache-2.0
// Who holds which BSD locks, as the kernel tells.
// Shape:   /proc/locks = *(number ":" type mode access pid major ":" minor ":" inode start end)
// Source:  proc(5).
// Threads: any. What is read may be over by the time that it is looked at.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace strata::doctor {

struct FileLockHeld {
  std::string pid;
  bool exclusive = false;
  std::string place;  // "08:01:131": of the file, major and minor in hex, inode in decimal
};

// Those of flock(2), in the kernel's order.
Result<std::vector<FileLockHeld>> held_file_locks();

// A file of /proc, whole. It says that its size is 0, so it is read as a stream.
Result<std::string> read_proc(const std::string& path);

}  // namespace strata::doctor
