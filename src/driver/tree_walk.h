// SPDX-License-Identifier: Apache-2.0
// TreeWalk: every name of a tree in the order in which docker puts them into a tar: a folder before
// what it holds, names of a folder sorted bytewise.
//
// Nothing is followed: the tree holds what a container wrote. It must not change meanwhile; names
// that vanish are an error (kNotFound).
// Memory:  the names of the folders from the root to where the walk stands.
// Threads: one.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "base/fs_at.h"

namespace strata::driver {

struct WalkEntry {
  std::string path;                  // below the root, without a leading or trailing '/'
  std::string name;                  // its last component
  std::shared_ptr<const Fd> folder;  // that it is in
  struct stat info = {};
};

class TreeWalk {
 public:
  // `root` is borrowed, and outlives the walk.
  explicit TreeWalk(const Fd& root) : root_(root) {}

  // The next name; false at the end. The root itself is not one. Errors: by errno, naming the path.
  Result<bool> next(WalkEntry& entry);
  // The folder that next() gave last will not be entered.
  void skip_folder() { descend_.clear(); }

 private:
  struct Level {
    std::string path;
    std::string names;             // one after the other, each with a NUL
    std::vector<uint32_t> order;   // where the names begin, sorted by name
    size_t next = 0;               // in `order`
    std::shared_ptr<const Fd> fd;  // opened when needed: a deep tree would cost one for each level
  };
  Status enter(std::string path);
  Status open_level(Level& level) const;

  const Fd& root_;
  bool begun_ = false;
  std::string descend_;  // the folder that next() gave last
  std::vector<Level> levels_;
};

}  // namespace strata::driver
