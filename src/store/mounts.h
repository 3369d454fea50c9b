// SPDX-License-Identifier: Apache-2.0
// Images that strata has mounted read-only: which, and where. Their files must not be removed under
// a mount.
// Shape:   <root>/strata/mounts/<random>: "sha256:<image>\n<absolute target>\n". The file is what
// we know; whether it
//          still holds is asked of the kernel (/proc/self/mountinfo), so a reboot or a foreign
// umount ends it.
// Threads: any. Other processes: a file appears and vanishes whole.
// Crash:   a record without a mount counts for nothing; recorded before mounting, so there is no
// mount without one.
#pragma once

#include <string>
#include <vector>

#include "store/store.h"

namespace strata::store {

struct ImageMount {
  std::string record;  // name of the file
  ImageId image;
  std::string target;  // absolute, without symlinks
};

// Whether nobody can write to the root by the mount through which we see it.
bool is_read_only(const Store& store);

// Writes the record of a mount that is about to be made. Returns its name; empty where the root
// is_read_only(), and nothing is removed from it either.
Result<std::string> record_mount(const Store& store, const ImageId& image,
                                 const std::string& target);
// Takes a record away; absent and empty is fine.
Status forget_mount(const Store& store, const std::string& record);
// The records whose target is a mount point now, sorted by target. Unreadable records are left out.
Result<std::vector<ImageMount>> list_mounts(const Store& store);

}  // namespace strata::store
