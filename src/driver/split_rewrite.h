// SPDX-License-Identifier: Apache-2.0
// Rewrites a tar-split in which a later member took the name of an earlier one: the earlier one's
// entry becomes raw bytes, read from where TreeWriter moved them. (dockerd refuses a tar-split that
// names a file twice.)
// Threads: one.
// Crash:   the file is staged.
#pragma once

#include <vector>

#include "driver/tree_writer.h"

namespace strata::driver {

// `split_file` is rewritten in place. `folder` holds `replaced/`; a temporary file is made in it.
// `replacements` are in the order in which they happened.
// Errors: kCorrupt, kIo, kNoSpace.
Status rewrite_split(const Fd& split_file, const Fd& folder,
                     const std::vector<Replacement>& replacements);

}  // namespace strata::driver
