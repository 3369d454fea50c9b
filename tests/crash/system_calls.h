// SPDX-License-Identifier: Apache-2.0
// Which system calls touch the disk, in which way, and which of their arguments say where.
// Threads: constant tables and pure functions.
#pragma once

#include <cstdint>
#include <span>

namespace strata::crash {

// What a call does. One call may be several things; an open is kChanges only with flags that say so.
enum Kind : unsigned {
  kChanges = 1,  // the disk is another one afterwards, or must have kept something (fsync)
  kGrows = 2,    // it may need room: the ones that fail on a full disk
  kOpens = 4,    // it needs a descriptor: the ones that fail when there are too many
  kReads = 8,    // it asks the disk
};

// Where a call says which file it is about.
enum class Target : uint8_t {
  kNone,    // no file: pipes and sockets
  kFd,      // args[first]
  kPath,    // args[first], below the current folder
  kAt,      // args[first] is a folder, args[first + 1] a path
  kAtOrFd,  // the same; an empty path means the descriptor itself
};

struct SystemCall {
  long number;
  const char* name;
  unsigned kinds;
  Target target;
  uint8_t first;
  Target second_target = Target::kNone;  // of renames and links
  uint8_t second = 0;
};

std::span<const SystemCall> disk_calls();
// Null for a call that is not in the table.
const SystemCall* find_call(uint64_t number);

}  // namespace strata::crash
