// SPDX-License-Identifier: Apache-2.0
// start: runs the program of a container that exists, in the foreground. A dockerd's containers too,
// when it is stopped.
// Shape:   while it runs, <root>/strata/run/<id>/; State in config.v2.json; the log beside it.
// Threads: any; the calling one waits.
// Crash:   kill -9 ends the program. The next command that changes containers marks it as exited.
#pragma once

#include <optional>
#include <string>

#include "runtime/run_process.h"
#include "store/store.h"

namespace strata::runtime {

struct StartOptions {
  RunIo io;             // its sinks get what the program prints; it goes to the log besides
  std::string runtime;  // as in run_process()
  std::optional<std::string> network;  // instead of what the container has: "host" or "none"
};

// Returns the program's exit code. A container that was to be removed at its end is gone then.
// Errors: kConflict when it runs already; kUnsupported (a network, a namespace or a log driver that
// strata does not have; says which); those of run_process(), which are recorded as docker does.
Result<int> start_container(store::Store& store, const std::string& id,
                            const StartOptions& options);

}  // namespace strata::runtime
