// SPDX-License-Identifier: Apache-2.0
// Owner, mode, times and xattrs of a tar member as they go to disk, by docker's rules.
// Source:  FORMATS section 5 ("Sequence per member"): owner, xattrs, mode, times. Names of users
//          are ignored.
// Threads: any.
#pragma once

#include <sys/stat.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/fs_at.h"
#include "tar/member.h"

namespace strata::driver {

struct FileMetadata {
  uint32_t uid = 0;
  uint32_t gid = 0;
  mode_t mode = 0;                // permission bits with setuid, setgid, sticky
  struct timespec times[2] = {};  // atime, mtime: never before 1970, atime never before mtime
  std::vector<std::pair<std::string, std::string>> xattrs;
};

// Names of xattrs that the file system does not take, each once. An image can give as many as it
// likes: the first in the alphabet are kept, so the set does not depend on the order either.
class RefusedXattrs {
 public:
  static constexpr size_t kMaxNames = 32;
  void add(const std::string& name) {
    names_.insert(name);
    if (names_.size() > kMaxNames) names_.erase(std::prev(names_.end()));
  }
  void add(const RefusedXattrs& others) {
    for (const std::string& name : others.names_) add(name);
  }
  const std::set<std::string>& names() const { return names_; }

 private:
  std::set<std::string> names_;
};

// Errors: kInvalid for an owner that does not fit 32 bits.
Result<FileMetadata> metadata_of(const tar::Member& member);

// Applies it to an open file or folder. Not privileged: an owner that cannot be set is left as it
// is. xattrs that the file system does not take are not an error: their names are added to
// `refused`.
Status apply_to_fd(int fd, const FileMetadata& metadata, bool privileged, RefusedXattrs& refused);
// The same for what has no descriptor of its own: symlinks, devices, fifos, hard links. A symlink
// has no mode.
Status apply_to_name(const Fd& parent, const std::string& name, const FileMetadata& metadata,
                     bool is_symlink, bool privileged, RefusedXattrs& refused);

}  // namespace strata::driver
