// SPDX-License-Identifier: Apache-2.0
// A pipe within this process, or to one that it starts: both ends close by themselves on exec.
// Threads: any.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "base/result.h"

namespace strata {

struct Pipe {
  Fd reader;
  Fd writer;
};

inline Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "pipe");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

}  // namespace strata
