// SPDX-License-Identifier: Apache-2.0
// Signals as users write them: "SIGTERM", "term", "9", "RTMIN+3".
// Source:  docker's package signal, for Linux.
// Threads: pure functions.
#pragma once

#include <string_view>

#include "base/result.h"

namespace strata {

// The signal's number, 1 to 64. Errors: kInvalid, "Invalid signal: x".
Result<int> parse_signal(std::string_view text);

}  // namespace strata
