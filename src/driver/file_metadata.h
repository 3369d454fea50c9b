// SPDX-License-Identifier: Apache-2.0
// Owner, mode, times and xattrs of a tar member as they go to disk, by docker's rules.
// Source:  FORMATS section 5 ("Sequence per member"): owner, xattrs, mode, times. Names of users
// are ignored. Threads: any.
#pragma once

#include <sys/stat.h>

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

// Errors: kInvalid for an owner that does not fit 32 bits.
Result<FileMetadata> metadata_of(const tar::Member& member);

// Applies it to an open file or folder. Not privileged: an owner that cannot be set is left as it
// is. xattrs that the file system does not take are not an error: their names are added to
// `refused`, once each.
Status apply_to_fd(int fd, const FileMetadata& metadata, bool privileged,
                   std::vector<std::string>& refused);
// The same for what has no descriptor of its own: symlinks, devices, fifos, hard links. A symlink
// has no mode.
Status apply_to_name(const Fd& parent, const std::string& name, const FileMetadata& metadata,
                     bool privileged, std::vector<std::string>& refused);

}  // namespace strata::driver
