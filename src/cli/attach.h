// SPDX-License-Identifier: Apache-2.0
// A container's program in the foreground: our standard files, terminal and signals are its.
// Threads: one at a time: signals are the process'.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"

namespace strata::cli {

struct Attachment {
  bool input = false;         // standard input is handed on
  bool output = true;         // what it prints is printed
  bool error = true;          // and what it prints on standard error
  bool terminal = false;      // it was made with a terminal of its own
  bool proxy_signals = true;  // signals are the program's; else they end the container
  std::string runtime = {};
  std::optional<std::string> network = {};  // as StartOptions has it
};

// Starts the container and waits for its end. Returns the exit code, 125 to 127 with docker's
// message printed when it could not be started.
Result<int> run_attached(Context& context, store::Store& store, const std::string& id,
                         const Attachment& attachment);

}  // namespace strata::cli
