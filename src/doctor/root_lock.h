// SPDX-License-Identifier: Apache-2.0
// The root for oneself: no dockerd and no other strata writes to it as long as the lock is held.
// Shape:   an exclusive flock on volumes/metadata.db, as a running dockerd holds it. Source: FORMATS section 1.5.
#pragma once

#include <string>

#include "base/lock.h"

namespace strata::doctor {

// Makes the file where it is missing, as every writer does.
// Errors: kBusy, naming the process that has the root and what to do.
Result<FileLock> lock_root(const Fd& root, const std::string& root_path);

}  // namespace strata::doctor
