// SPDX-License-Identifier: Apache-2.0
// The tar of one layer in place of several: what the upper ones change of the tree below them, as
// docker makes it when it squashes. A name that is gone is a whiteout; no folder is opaque; what was
// written and is as it was below is not there.
// Source:  dockerd 20.10's `build --squash`: it compares the two trees, and writes what differs.
// Threads: any.
// Memory:  the first names of hard-linked inodes until all their names are seen, a block.
#pragma once

#include "base/pool.h"
#include "driver/tree_diff.h"
#include "driver/tree_member.h"

namespace strata::driver {

struct DiffTarOptions {
  int64_t whiteout_mtime = 0;           // seconds since 1970
  std::optional<int64_t> latest_mtime;  // what is later becomes this
};

// Writes the tar to `to`, which is not finished. `upper` shows whiteouts. Nobody writes to the files
// meanwhile. Errors: kCorrupt (a file changed), kCancelled, kIo, those of `to`.
Status write_diff_tar(const LayerStack& upper, const LayerStack& below,
                      const DiffTarOptions& options, ByteSink& to, const Pool& pool);

}  // namespace strata::driver
