// SPDX-License-Identifier: Apache-2.0
// What layers change of the files of those below them, as docker sees it when it compares the two
// trees. With overlay2 it follows from the upper layers alone: what is not in them has not changed.
// With vfs, where each layer is a whole tree, both trees are walked.
//
// A file is changed when its mode, owner or device number differ, or its capability; and if it is
// neither a folder, a block device nor a socket (docker tests bits of the type, not the type), also
// when its size or mtime do. Times of the same second are equal when one of them has no fraction.
// A folder that is as it was is told as changed when something in it is. Of a folder that is gone,
// or is no folder any more, what was in it is not told.
// Source:  dockerd 20.10 and 28, beside which tests compare; FORMATS section 8 "diff".
// Threads: any.
// Memory:  the names of the folders from the root to where the walk stands.
#pragma once

#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "driver/layer_stack.h"

namespace strata::driver {

enum class ChangeKind : char { kAdded = 'A', kChanged = 'C', kDeleted = 'D' };

struct TreeChange {
  ChangeKind kind;
  std::string path;  // "d/file"
};

struct ComparedTrees {
  // kLayers: `upper` holds what was written, and whiteouts, which it shows. kWhole: all of the tree;
  // both show whiteouts, which are devices like others there.
  enum class Upper { kLayers, kWhole };
  LayerStack upper;
  LayerStack below;
  Upper kind = Upper::kLayers;
  // kWhole: files that something was done to since this time, and that look as they did, are compared
  // by their contents, which docker does not do.
  std::optional<struct timespec> touched_since = {};
};

// The first `own` folders, and the others below them, the highest first: of kLayers those of
// Driver::open_stack, of kWhole two trees. Borrowed.
ComparedTrees compare_folders(const std::vector<Fd>& folders, size_t own,
                              ComparedTrees::Upper kind);

// Calls `visit` with every change, a folder before what is in it. kLayers: names sorted bytewise, but
// names that a folder hides come before the others in it. kWhole: in the order of docker's tar of
// the changes, paths sorted bytewise ("a", "a-b", "a/c"); what vanishes meanwhile is not there.
// Errors: those of `visit`, kIo.
Status compare_trees(const ComparedTrees& trees,
                     const std::function<Status(const TreeChange&)>& visit);

}  // namespace strata::driver
