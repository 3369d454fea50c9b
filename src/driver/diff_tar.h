// SPDX-License-Identifier: Apache-2.0
// The tar of what one tree changes of another, as docker makes it when it squashes layers, and of each
// layer with vfs. A name that is gone is a whiteout; no folder is opaque; what was written and is as
// it was below is not there.
// Source:  dockerd 20.10's `build --squash`, and its `commit` with vfs: it compares the two trees, and
//          writes what differs.
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
  tar::HeaderStyle style = tar::HeaderStyle::kDocker28;
  const OwnerNames* names = nullptr;  // borrowed
};

// Writes the tar to `to`, which is not finished, and returns the latest time of a file in it (seconds
// since 1970; 0 for none). Nobody writes to the files meanwhile. Errors: kCorrupt (a file changed),
// kCancelled, kIo, those of `to`.
Result<int64_t> write_diff_tar(const ComparedTrees& trees, const DiffTarOptions& options,
                               ByteSink& to, const Pool& pool);

}  // namespace strata::driver
