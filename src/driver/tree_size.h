// SPDX-License-Identifier: Apache-2.0
// Size of a tree as docker counts it.
#pragma once

#include "base/fs_at.h"

namespace strata::driver {

// Sum of the lstat sizes of all that is not a directory below `root`, each inode once (FORMATS
// section 3, layerdb/size).
Result<uint64_t> tree_size_bytes(const Fd& root);

}  // namespace strata::driver
