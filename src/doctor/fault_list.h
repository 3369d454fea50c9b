// SPDX-License-Identifier: Apache-2.0
// FaultList: what is wrong with a layer's names, while its members are gone through in order. A later member of the same name has the
// last word, so what was said of an earlier one is taken back.
// Threads: one.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "doctor/layer_content.h"

namespace strata::doctor {

class FaultList {
 public:
  // `path` is where it lies on disk. `inode` (0: none): another member may set anew what the fault is about, through another name
  // of that inode.
  void add(const std::string& path, FileFault fault, ino_t inode = 0);
  // `name` should be a link to `target`, as long as no later member takes the target's name.
  void add_link(const std::string& path, FileFault fault, const std::string& target);
  // A later member has taken the name; then also all below it, if it was a folder.
  void forget(const std::string& path, bool with_below);
  void forget_inode(ino_t inode);

  uint64_t total() const { return total_; }
  // The first kFaultsMax, sorted by name, those of one name and kind joined.
  std::vector<FileFault> take();

 private:
  struct Entry {
    FileFault fault;
    ino_t inode = 0;
    std::string link_target = {};
  };
  void put(const std::string& path, Entry entry);

  std::multimap<std::string, Entry> entries_;  // by path, at most kFaultsMax
  uint64_t total_ = 0;
  bool has_links_ = false;
  bool has_symlinked_ = false;  // a name that lies elsewhere than the tar says
};

}  // namespace strata::doctor
