// SPDX-License-Identifier: Apache-2.0
// What a signal ends: waiting for a pipe, a socket or a terminal, for the other side of a fifo, for a lock, for a
// program. A system call that waits is woken only in the thread that took the signal, and only if it has begun;
// so what may wait polls, and what it waits for is told by a descriptor. Plain files are never waited for: their
// reading and writing (fd.h) makes no system call more.
// Process-wide, as signals are. Threads: any; each source and sink one at a time.
#pragma once

#include "base/fd.h"

namespace strata {

// Makes the descriptor that interrupt() writes. To be called before there is a handler; without it only what is
// woken by the signal itself looks up.
void prepare_interrupts();
// From now on everything that waits ends. May be called in a signal handler.
void interrupt();
bool is_interrupted();
// Readable once is_interrupted(). Borrowed; -1 without prepare_interrupts().
int interrupted_fd();
// All is as before interrupt(): for tests.
void forget_interrupt();

// kCancelled once is_interrupted().
Status check_interrupted();
// Until poll() has something of `events`, or an error, to tell of `fd`. Errors: kCancelled, when that is not at once; kIo.
Status wait_until_ready(int fd, short events);

// Reads a descriptor that may be a pipe, a socket or a terminal from where it stands. Borrowed.
class WaitingSource final : public ByteSource {
 public:
  explicit WaitingSource(int fd);
  // Errors: also kCancelled, as soon as is_interrupted(), though there may be something to read.
  Result<size_t> read(MutableByteSpan buffer) override;

 private:
  FdSource source_;
  const int fd_;
  const bool may_wait_;
};

// Writes to such a one. Borrowed; finish() does not close.
class WaitingSink final : public ByteSink {
 public:
  explicit WaitingSink(int fd);
  // Errors: also kCancelled, when it would have to wait and is_interrupted(). errno is that of the system call.
  Status write(ByteSpan bytes) override;

 private:
  enum class Kind { kFile, kPipe, kSocket, kCareful };
  Result<size_t> write_some(ByteSpan bytes);

  int fd_;
  Kind kind_ = Kind::kFile;
  Fd own_;  // the pipe opened anew: it does not wait, and those who have `fd_` too do not notice
};

}  // namespace strata
