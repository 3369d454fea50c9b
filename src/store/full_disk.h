// SPDX-License-Identifier: Apache-2.0
// Threads: functions without state.
#pragma once

#include "base/fd.h"

namespace strata::store {

// Whether an operation failed because the disk that holds `root` is full: not for a quota or a limit of the
// process, which have the same code.
bool is_full_disk(const Error& failure, const Fd& root);

}  // namespace strata::store
