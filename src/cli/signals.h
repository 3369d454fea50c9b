// SPDX-License-Identifier: Apache-2.0
// SIGINT, SIGTERM and SIGHUP: the first asks the pool to stop, so that work unwinds and cleans up;
// the second ends the process at once. SIGPIPE is ignored: writing fails with EPIPE instead.
// Process-wide, as signals are. Threads: the handler only touches atomics.
#pragma once

#include "base/pool.h"

namespace strata::cli {

void handle_signals();
// The pool that a signal stops; null when it goes away. A signal that came before stops it now.
void stop_at_signal(Pool* pool);
// The first signal that came, or 0.
int received_signal();

}  // namespace strata::cli
