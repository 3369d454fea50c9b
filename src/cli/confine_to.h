// SPDX-License-Identifier: Apache-2.0
// For commands that only unpack what others have made: load, pull, import.
#pragma once

#include "store/store.h"

namespace strata::cli {

enum class Network { kNone, kNeeded };

// From here on this process changes files only in the store's root, and starts no programs
// (base/confine.h). Threads that run already are as they were: it comes before the first use of
// Context::pool() where it can.
void confine_to(const store::Store& store, Network network);

}  // namespace strata::cli
