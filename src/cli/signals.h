// SPDX-License-Identifier: Apache-2.0
// SIGINT, SIGTERM and SIGHUP: the first asks the pool to stop and ends all waiting (base/interrupt.h), so that work
// unwinds and cleans up; the second ends the process at once. SIGINT and SIGHUP that were ignored when we came stay
// ignored. SIGPIPE is ignored: writing fails with EPIPE instead.
// Process-wide, as signals are. Threads: the handler only touches atomics.
#pragma once

#include "base/fd.h"
#include "base/pool.h"

namespace strata::cli {

void handle_signals();
// The pool that a signal stops; null when it goes away. A signal that came before stops it now.
void stop_at_signal(Pool* pool);
// The first signal that came, or 0.
int received_signal();

// While it lives, signals are not for us: each becomes a byte in the pipe, its number. Besides those
// above: SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT. One at a time.
class SignalPipe {
 public:
  SignalPipe();
  ~SignalPipe();
  SignalPipe(const SignalPipe&) = delete;
  int reader() const { return reader_.get(); }  // -1 where the system had no pipe to give

 private:
  Fd reader_;
  Fd writer_;
};

}  // namespace strata::cli
