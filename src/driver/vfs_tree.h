// SPDX-License-Identifier: Apache-2.0
// Trees for the vfs driver: copy one, and put a layer's diff on it.
// Threads: one per tree. Crash: both trees are staged or belong to a finished layer; nobody else
// changes them.
#pragma once

#include "base/fs_at.h"

namespace strata::driver {

// Copies all below `from` into the empty folder `into`: contents (reflinks where the file system
// has them), hard links, owners, modes, times, xattrs, devices. Owners that only root may set are
// left when not root. Errors: by errno, naming the path.
Status copy_tree(const Fd& from, const Fd& into);

// The same into a folder that holds something: what is there stays, and where both have a folder of a
// name, that in `from` is looked through for what the other lacks.
Status add_missing(const Fd& from, const Fd& into);

// Puts a diff in overlayfs form on a tree on the same file system: whiteouts remove, opaque folders
// begin empty, everything else is moved out of `diff`, which is of no use afterwards.
Status apply_diff(const Fd& diff, const Fd& into);

}  // namespace strata::driver
