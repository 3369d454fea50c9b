// SPDX-License-Identifier: Apache-2.0
// Signals to, and waiting for, a container that another process of ours runs.
// Threads: any.
#pragma once

#include <string>

#include "base/fs_at.h"

namespace strata::runtime {

// Written when a container starts, by who runs it. `folder` is its RunFolder's.
Status record_runtime_pid(const Fd& folder, int pid);

// Sends the signal to the container's program; SIGKILL ends all of the container. `state` is the
// folder of all runs. Errors: kNotFound, `Container <id> is not running`.
Status signal_container(const Fd& state, const std::string& id, int number);

// Waits until nobody runs the container any more, at most so long (-1: forever). One that does not
// run is fine. Returns false when the time is over.
Result<bool> wait_for_container(const Fd& state, const std::string& id, int limit_ms);

// The process that runs the container, for poll: readable when it has ended. Invalid when the
// container does not run.
Fd open_runtime(const Fd& state, const std::string& id);

// The process of the container's program, as the host sees it; 0 when it does not run, or cannot be
// told.
int program_pid(const Fd& state, const std::string& id);

}  // namespace strata::runtime
