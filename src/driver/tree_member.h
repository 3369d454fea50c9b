// SPDX-License-Identifier: Apache-2.0
// Makes the tar members that docker makes of the files of a container, and takes off a file what
// its member does not tell.
//
//   mtime      whole seconds
//   xattrs     security.capability only, revision 3 as revision 2
//   whiteout   0:0 device x     -> .wh.x, empty, mode 0600, its own owner and mtime
//   opaque     folder d         -> d/, d/.wh..wh..opq with the folder's owner and mode, mtime 0
//   hard link  second name      -> type 1, link name is the first; a whiteout keeps that link name,
//                                  though it is no link (kernels since 5.8 share one inode)
// Source:  FORMATS section 8 "commit"; checked with dockerd 20.10.
// Threads: any.
#pragma once

#include <map>
#include <optional>

#include "driver/tree_walk.h"
#include "tar/member.h"
#include "tar/writer.h"

namespace strata::driver {

// dockerd before 20.10.27 looks up its host's names for the owners; newer ones give none.
struct OwnerNames {
  std::map<uint32_t, std::string> users, groups;
};

// The names that the files `passwd` and `group` in `folder` (/etc) give; a missing file gives none.
Result<OwnerNames> read_owner_names(const Fd& folder);

enum class TreeForm {
  kLayer,  // an overlay upper folder: whiteouts and opaque marks become members
  kWhole,  // a whole tree, as export gives it
};

struct MemberRules {
  TreeForm form = TreeForm::kLayer;
  tar::HeaderStyle style = tar::HeaderStyle::kDocker28;
  const OwnerNames* names = nullptr;    // borrowed
  std::optional<int64_t> latest_mtime;  // seconds since 1970: what is later becomes this
};

struct TreeMembers {
  tar::Member member;                    // size_bytes is that of a regular file's content
  bool is_whiteout = false;              // made of a device
  std::optional<tar::Member> opaque;     // follows the member
  std::vector<std::string> xattr_names;  // all that the file has
};

// `link_to` is the first name of an inode that had a member before, else empty.
// Errors: kUnsupported for what only a mount can tell (overlayfs redirect or metacopy), kIo.
Result<TreeMembers> members_of(const WalkEntry& entry, const std::string& link_to,
                               const MemberRules& rules);

// Leaves of the file's xattrs and times what `made` says. Errors: by errno, naming the path.
Status tidy_file(const WalkEntry& entry, const TreeMembers& made);
// The time of a folder from which names went.
Status set_mtime(const Fd& folder, int64_t seconds);
// mtime as the member has it.
int64_t mtime_of(const struct stat& info, const MemberRules& rules);

}  // namespace strata::driver
