// SPDX-License-Identifier: Apache-2.0
// SourceTree: the files that COPY and ADD take from: a build context, or the tree of a stage or image.
//
// What lies below a folder is read once, by several threads, and kept as a list in docker's walking order (each
// folder's names sorted as bytes). A context is read whole on first use, since a file with several names counts as
// its first name and links; of another tree only the folders that are asked for are read.
// Nothing outside of the tree is ever reached: symlinks are resolved as if its top were "/".
// Threads: any thread may call any method.
// Memory:  about 100 bytes and the name for each file.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs_at.h"
#include "base/pool.h"
#include "build/ignore.h"

namespace strata::build {

// One file or folder of a list. Small, since there are many.
struct SourceEntry {
  uint32_t parent;  // index in the list; its own for the top
  uint32_t name_offset;
  uint16_t name_size;
  bool implied;  // a folder that is left out itself, and here because of what it holds
  mode_t mode;   // with type bits
  uid_t uid;
  gid_t gid;
  uint32_t links;  // number of names
  dev_t device;
  dev_t special;  // of a device
  ino_t inode;
  uint64_t size_bytes;
  int64_t mtime_ns, ctime_ns;
  uint32_t end;  // what lies below it: the entries from the next one to before this

  bool is_folder() const { return S_ISDIR(mode); }
  bool is_symlink() const { return S_ISLNK(mode); }
  bool is_file() const { return S_ISREG(mode); }
};

// A folder and all below it, the folder first, each folder before what it holds.
class SourceList {
 public:
  const SourceEntry& operator[](size_t index) const { return entries_[index]; }
  size_t size() const { return entries_.size(); }
  std::string_view name(const SourceEntry& entry) const {
    return std::string_view(names_).substr(entry.name_offset, entry.name_size);
  }
  // Relative to the tree's top, "." for that itself.
  std::string path(size_t index) const;
  // The entry of a clean path relative to the tree's top. No symlink is followed.
  std::optional<size_t> find(std::string_view path) const;

 private:
  friend class SourceScanner;
  std::string top_;  // path of entry 0
  std::vector<SourceEntry> entries_;
  std::string names_;
};

class SourceTree {
 public:
  enum class Kind { kContext, kStage };

  SourceTree(Fd top, Kind kind, IgnoreMatcher ignore = {});
  SourceTree(SourceTree&&) = delete;

  const Fd& top() const { return top_; }
  Kind kind() const { return kind_; }
  const IgnoreMatcher& ignore() const { return ignore_; }

  // A file as the tree shows it: what is left out is not there.
  struct Place {
    std::string path;  // without symlinks, relative; "." for the top
    struct stat info;
  };
  // Follows symlinks, the last one too. Empty: not there, or left out.
  Result<std::optional<Place>> find(std::string_view path, Pool& pool);
  // A folder (a path as in Place) and what is below it. Read on first use.
  Result<std::shared_ptr<const SourceList>> list(const std::string& folder, Pool& pool);

 private:
  Fd top_;
  const Kind kind_;
  const IgnoreMatcher ignore_;
  std::mutex mutex_;
  std::vector<std::pair<std::string, std::shared_ptr<const SourceList>>> lists_;
};

}  // namespace strata::build
