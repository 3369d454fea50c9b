// SPDX-License-Identifier: Apache-2.0
// strata's own files in a root by which processes keep out of each other's way:
//   strata/<name>.lock   held while something of the root is read and replaced; stays where it is
//   strata/<name>.new    what is to replace it; a killed writer leaves it here, for the next recovery
// Threads: any, and any process.
#pragma once

#include <string>
#include <string_view>

#include "base/lock.h"

namespace strata::store {

// Waits for strata/<name>.lock. `root` has the folder strata/.
Result<FileLock> lock_in_root(const Fd& root, std::string_view name, FileLock::Mode mode);

enum class Durability {
  kSynced,  // the file, and its name, are on disk on return
  kQuick,   // after a power cut it may be the old one, or empty: for what is found out again
};
// Replaces the file `path` below `root` by way of `fresh`, a path on the same file system that is the
// caller's alone; a call that is killed leaves it there.
Status replace_by_way_of(const Fd& root, const std::string& fresh, const std::string& path,
                         std::string_view content, mode_t mode, Durability durability);
// By way of strata/<name>.new. The caller holds <name>.lock exclusively, which makes one name enough.
Status replace_under_lock(const Fd& root, std::string_view name, const std::string& path,
                          std::string_view content, mode_t mode, Durability durability);

// Removes what a killed replace_under_lock of that name left. Without a trace of one, it takes no
// lock.
Status remove_unfinished_replacement(const Fd& root, std::string_view name);

}  // namespace strata::store
