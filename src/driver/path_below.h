// SPDX-License-Identifier: Apache-2.0
// Where an open folder lies below another one.
// Threads: any.
#pragma once

#include <string>

#include "base/fs_at.h"

namespace strata::driver {

// The path of `folder` below `root`, without symlinks; empty for `root` itself. Errors: kIo when it
// is, or has become, a folder elsewhere.
Result<std::string> path_below(const Fd& root, const Fd& folder);

}  // namespace strata::driver
