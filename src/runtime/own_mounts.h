// SPDX-License-Identifier: Apache-2.0
// Mounts that nobody else sees.
// Threads: any.
#pragma once

#include <functional>

#include "base/result.h"

namespace strata::runtime {

// Runs `body` in a thread with a mount namespace of its own and waits for it: what it mounts is not
// seen elsewhere, and goes with it, also after kill -9. Programs and threads that it starts see it.
// Errors: those of `body`; kPermission without CAP_SYS_ADMIN.
Status in_own_mounts(const std::function<Status()>& body);

}  // namespace strata::runtime
