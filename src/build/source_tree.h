// SPDX-License-Identifier: Apache-2.0
// SourceTree: the files that COPY and ADD take from: a build context, or the tree of a stage or image.
//
// What lies below a folder is read once, by several threads, and kept as a list in docker's walking
// order (each folder's names sorted as bytes). A context is read whole on first use, since a file
// with several names counts once, and as a link from then on; of another tree only the folders that
// are asked for are read.
// Nothing outside of the tree is ever reached: symlinks are resolved as if its top were "/".
// Threads: any thread may call any method.
// Memory:  about 110 bytes and the name for each file.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs_at.h"
#include "base/pool.h"
#include "build/ignore.h"
#include "hash/digest.h"

namespace strata::build {

// A file or folder. Small, since there are many.
struct SourceEntry {
  uint32_t parent = 0;  // index in the list; its own for the first
  uint32_t end = 0;     // what lies below it: the entries from the next one to before this
  uint32_t name_offset = 0;
  uint16_t name_size = 0;
  bool implied = false;  // a folder that is left out, and here because of what it holds
  bool sparse = false;   // takes less of the disk than its size
  mode_t mode = 0;       // with type bits
  uid_t uid = 0;
  gid_t gid = 0;
  uint64_t links = 0;  // number of names
  uint64_t size_bytes = 0;
  uint64_t device = 0;   // that it is on
  uint64_t special = 0;  // that it is
  uint64_t inode = 0;
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;

  static SourceEntry of(const struct stat& info);
  bool is_folder() const { return S_ISDIR(mode); }
  bool is_symlink() const { return S_ISLNK(mode); }
  bool is_file() const { return S_ISREG(mode); }
};

// A folder and all below it: the folder first, each folder before what it holds.
class SourceList {
 public:
  const SourceEntry& operator[](size_t index) const { return entries_[index]; }
  size_t size() const { return entries_.size(); }
  std::string_view name(size_t index) const {
    const SourceEntry& entry = entries_[index];
    return std::string_view(names_).substr(entry.name_offset, entry.name_size);
  }
  // Relative to the tree's top, "." for that itself.
  std::string path(size_t index) const;
  // The entry of a clean path relative to the tree's top. No symlink is followed.
  std::optional<size_t> find(std::string_view path) const;

 private:
  friend class SourceScan;
  std::optional<size_t> child(size_t folder, std::string_view name) const;
  std::string top_;  // path of the first entry
  std::vector<SourceEntry> entries_;
  std::string names_;
};

// Docker's sums of the members of a tar (content_sum.h), by clean path; of a name that comes again the first.
using MemberSums = std::map<std::string, Digest>;

class SourceTree {
 public:
  enum class Kind { kContext, kStage };

  // `kept_folder`: a path that docker's client sends the Dockerfile with, so that it is there even if it is left out and
  // nothing else is in it.
  SourceTree(Fd top, Kind kind, IgnoreMatcher ignore = {}, std::string kept_folder = {});
  // A context that came as a tar: its files count as what the tar said of them.
  SourceTree(Fd top, MemberSums sums);
  SourceTree(SourceTree&&) = delete;

  const Fd& top() const { return top_; }
  Kind kind() const { return kind_; }
  const IgnoreMatcher& ignore() const { return ignore_; }
  // Null: it did not come as a tar.
  const MemberSums* member_sums() const { return sums_ ? &*sums_ : nullptr; }

  struct Place {
    std::string path;  // relative, clean, without symlinks; "." for the top
    SourceEntry entry;
    bool exists = true;  // false: `path` is where it would be
  };
  // Follows symlinks, the last one too.
  // Errors: kInvalid for links in a circle, and for a path through what is no folder.
  Result<Place> find(std::string_view path, Pool& pool);
  // A folder (a path as in Place) and what is below it. Read on first use.
  // Errors: by errno, naming the folder; kCancelled.
  Result<std::shared_ptr<const SourceList>> list(const std::string& folder, Pool& pool);

 private:
  Result<std::optional<SourceEntry>> look_up(const std::string& path, Pool& pool);

  Fd top_;
  const Kind kind_;
  const IgnoreMatcher ignore_;
  const std::string kept_folder_;
  const std::optional<MemberSums> sums_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const SourceList>> lists_;
};

}  // namespace strata::build
