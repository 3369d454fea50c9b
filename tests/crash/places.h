// SPDX-License-Identifier: Apache-2.0
// What a stopped thread is about to do, and to which file.
// Threads: one. The thread looked at must be stopped by ptrace.
#pragma once

#include <sys/types.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "system_calls.h"

namespace strata::crash {

struct StoppedCall {
  pid_t thread;
  const SystemCall* call;
  std::array<uint64_t, 6> args;
};

// The kinds of this very call: opens only change the disk with flags that say so, and an ioctl or
// fcntl only counts if it clones or duplicates.
unsigned kinds_of(const StoppedCall& stopped);

// The name of the program that the thread runs.
std::string program_of(pid_t thread);

// Which file it is about, as "<name of the folder>/<path below it>". Folders are absolute.
// Nothing: it is in none of the folders. Paths are taken as they are written, without resolving
// symlinks on the way.
std::optional<std::string> place_of(const StoppedCall& stopped,
                                    const std::vector<std::string>& folders);

}  // namespace strata::crash
