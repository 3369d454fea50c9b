// SPDX-License-Identifier: Apache-2.0
// What of a tar member is other on disk than unpacking makes it: type, mode, owner, time, xattrs, link target, device number.
//
//   time    as docker compares them: the same second is enough where one side has no fraction; a layer that was written through a
//           mount keeps fractions that its tar does not have
//   xattrs  those that the file system knows; what the kernel and the machine's security modules add does not count
//   owner   where the store is root's
// Source:  FORMATS sections 2.2 and 5; xattr(7).
// Threads: any.
#pragma once

#include <sys/stat.h>

#include <string>

#include "driver/member_places.h"
#include "tar/member.h"

namespace strata::doctor {

// How a store's files were made.
struct DiskRules {
  bool privileged = true;      // else owners, devices and some modes are not what the tar says
  bool judge_owners = true;    // false: all of the store belongs to one other user
  bool is_whole_tree = false;  // vfs: the files of the layers below are there, too
};

struct Differences {
  std::string expected;  // "mode 0755, owner 0:0"
  std::string found;     // in the same order

  bool none() const { return expected.empty(); }
  void add(const std::string& should_be, const std::string& is);
};

struct MemberDifferences {
  Differences
      status;  // mode, owner, time: a later member that is a hard link to this one sets them anew
  Differences own;  // the rest
  std::string
      added_xattrs;  // names that a layer unpacked from its tar does not have; one written through a mount may
  bool has_fraction = false;  // the time has a fraction of a second that the tar does not have
};

// "a file", "a symlink" ...
std::string_view type_name(mode_t mode);
// The type that unpacking gives the member; 0 for one that makes nothing.
mode_t type_of(const tar::Member& member, const DiskRules& rules);

// The member lies at `place`, and has the type that it should have. `opened` (may be null) is the file itself: xattrs are asked for
// more quickly through it. Errors: kIo, kPermission, kInvalid (an owner out of range).
Result<MemberDifferences> compare_member(const tar::Member& member,
                                         const driver::MemberPlace& place, const struct stat& info,
                                         const Fd* opened, const DiskRules& rules);

// A whiteout's device; `member` is the .wh. file.
Differences compare_whiteout(const tar::Member& member, const struct stat& info,
                             const DiskRules& rules);

// Takes off what find_added would tell of: xattrs that neither the member nor the machine gives. Errors: by errno.
Status remove_added_xattrs(const tar::Member& member, const driver::MemberPlace& place);

// Whether the folder is marked as opaque. Errors: by errno.
Result<bool> has_opaque_mark(const Fd& folder, const DiskRules& rules);
Status set_opaque_mark(const Fd& folder, bool opaque, const DiskRules& rules);

}  // namespace strata::doctor
