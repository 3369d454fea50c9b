// SPDX-License-Identifier: Apache-2.0
// What is said of a system call on a descriptor that failed.
#pragma once

#include <string_view>

#include "base/result.h"

namespace strata {

// By errno, naming what `fd` is as far as the system tells: "write to /out.tar: No space left on device".
// Leaves errno as it was: callers ask it for what the message cannot say.
Error fd_error(std::string_view what, std::string_view preposition, int fd);

}  // namespace strata
