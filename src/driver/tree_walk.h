// SPDX-License-Identifier: Apache-2.0
// TreeWalk: every name of a tree in the order in which docker puts them into a tar: a folder before
// what it holds, names of a folder sorted bytewise.
//
// Nothing is followed: the tree holds what a container wrote. Names that vanish meanwhile are an error
// (kNotFound), after which the walk can go on.
// Memory:  the names of the folders from the root to where the walk stands.
// Threads: one.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "driver/layer_stack.h"

namespace strata::driver {

struct WalkEntry {
  std::string path;                  // below the root, without a leading or trailing '/'
  std::string name;                  // its last component
  std::shared_ptr<const Fd> folder;  // that it is in
  struct stat info = {};
};

class TreeWalk {
 public:
  // `stack` is borrowed, and outlives the walk.
  explicit TreeWalk(const LayerStack& stack) : stack_(stack) {}

  // The next name; false at the end. The root itself is not one. Errors: by errno, naming the path.
  Result<bool> next(WalkEntry& entry);

 private:
  struct Name {
    uint32_t offset;  // in Level::names
    uint32_t part;    // of the folder
  };
  struct Level {
    std::string path;
    LayerStack::Folder folder;  // open while it is the last: a deep tree has many levels
    std::string names;          // one after the other, each with a NUL
    std::vector<Name> order;    // sorted by name
    size_t next = 0;            // in `order`
  };
  Status enter(std::string path, LayerStack::Folder folder);
  Status enter_next();

  const LayerStack& stack_;
  bool into_folder_ = false;  // what next() gave last is a folder
  std::vector<Level> levels_;
};

}  // namespace strata::driver
