// SPDX-License-Identifier: Apache-2.0
// A file for one process's own use that nothing is left of when it ends, however it ends.
// Threads: any.
#pragma once

#include "base/fs_at.h"

namespace strata {

// An empty file without a name, on the file system of `folder`, open for reading and writing.
// Where that does not know O_TMPFILE the file has a name for a moment.
Result<Fd> nameless_file(const Fd& folder);

// The same in $TMPDIR, or else in /var/tmp: for what may be too large for memory, which /tmp often
// is. Errors name the folder.
Result<Fd> temporary_file();

}  // namespace strata
