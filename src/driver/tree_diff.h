// SPDX-License-Identifier: Apache-2.0
// What layers change of the files of those below them, as docker sees it when it compares the two
// trees. It follows from the upper layers alone: what is not in them has not changed.
//
// A file is changed when its mode, owner or device number differ, or its capability; and if it is
// neither a folder, a block device nor a socket (docker tests bits of the type, not the type), also
// when its size or mtime do. Times of the same second are equal when one of them has no fraction.
// A folder that is as it was is told as changed when something in it is. Of a folder that is gone,
// or is no folder any more, what was in it is not told.
// Source:  dockerd 20.10 and 28, beside which tests compare; FORMATS section 8 "diff".
// Threads: any.
#pragma once

#include <functional>
#include <string>

#include "driver/layer_stack.h"

namespace strata::driver {

enum class ChangeKind : char { kAdded = 'A', kChanged = 'C', kDeleted = 'D' };

struct TreeChange {
  ChangeKind kind;
  std::string path;  // "d/file"
};

// Calls `visit` with every change, a folder before what is in it, names sorted bytewise; but names
// that a folder hides come before the others in it. `upper` shows whiteouts.
// Errors: those of `visit`, kIo.
Status compare_trees(const LayerStack& upper, const LayerStack& below,
                     const std::function<Status(const TreeChange&)>& visit);

}  // namespace strata::driver
