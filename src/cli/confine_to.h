// SPDX-License-Identifier: Apache-2.0
// For commands that only unpack what others have made: load, pull, import.
#pragma once

#include "cli/command.h"

namespace strata::cli {

enum class Network { kNone, kNeeded };

// From here on this process changes files only in the store's root, and starts no programs
// (base/confine.h). If it made that root, it may remove it again. Threads that run already are as
// they were: it comes before the first use of Context::pool() where it can.
void confine_to(const Context& context, const store::Store& store, Network network);

}  // namespace strata::cli
