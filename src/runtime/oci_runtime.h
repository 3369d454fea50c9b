// SPDX-License-Identifier: Apache-2.0
// The OCI runtime: which program it is, how it is called, what its complaints mean.
// Threads: functions without state.
#pragma once

#include <string>
#include <vector>

#include "base/fs_at.h"
#include "runtime/cgroups.h"

namespace strata::runtime {

struct OciRuntime {
  std::string path;
  bool crun = true;  // else it is called as runc is
};

// `wanted`: a path or a name in PATH; empty: crun, else runc.
// Errors: kUnsupported, saying what to install.
Result<OciRuntime> find_runtime(const std::string& wanted);

// The words that run the bundle in the working directory under the name `id`. In it come to lie: the
// runtime's `state/`, its `log`, and `pid` once the program has been started. `console_socket`: it
// hands a terminal over (console_socket.h).
Result<std::vector<std::string>> run_words(const OciRuntime& runtime, const std::string& id,
                                           const Cgroups& cgroups, bool console_socket);

// What a runtime that failed before the program ran says in the `log` of the bundle.
// Errors' kinds: as run_process().
Error start_error(const OciRuntime& runtime, const Fd& bundle, const std::string& program);

}  // namespace strata::runtime
