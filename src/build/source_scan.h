// SPDX-License-Identifier: Apache-2.0
// SourceScan: reads the folders below one of a tree, level by level, several at a time.
// Threads: one; the work is done on the pool.
// Memory:  beside the list that it makes, at most kFoldersAtOnce open descriptors.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fs_at.h"
#include "base/pool.h"
#include "build/ignore.h"
#include "build/source_tree.h"

namespace strata::build {

class SourceScan {
 public:
  static constexpr size_t kFoldersAtOnce = 128;
  static constexpr size_t kEntriesAtOnce = 256;

  // All borrowed. The patterns apply to paths relative to `top`.
  SourceScan(const Fd& top, const IgnoreMatcher& ignore, const std::string& kept_folder, Pool& pool)
      : top_(top), ignore_(ignore), kept_folder_(kept_folder), pool_(pool) {}

  Result<std::shared_ptr<const SourceList>> run(const std::string& folder);

 private:
  static constexpr size_t kNoFolder = SIZE_MAX;
  struct Found {
    std::string name;
    SourceEntry entry;                      // mode 0: left out, or gone meanwhile
    size_t folder = kNoFolder;              // what lies below it
    IgnoreMatcher::FolderState state = {};  // of a folder
  };
  struct Folder {
    std::string path;
    IgnoreMatcher::FolderState state;
    Fd fd = {};  // while it is being read
    std::vector<Found> entries = {};
  };
  struct Piece {
    size_t folder, begin, end;
  };

  bool is_kept(const std::string& path) const;
  Status read_level(size_t begin, size_t end);
  Status list_names(Folder& folder);
  Status look_at(Folder& folder, size_t begin, size_t end);
  void add_below(Folder& folder);
  void put_in_order(SourceList& list, Folder& first);
  void append(SourceList& list, Found& found, size_t parent);

  const Fd& top_;
  const IgnoreMatcher& ignore_;
  const std::string& kept_folder_;  // see SourceTree
  Pool& pool_;
  std::vector<std::unique_ptr<Folder>> folders_;
};

}  // namespace strata::build
