// SPDX-License-Identifier: Apache-2.0
// A path of a tree, below a root that nothing leaves, as a tar: what `cp` reads.
// Source:  dockerd's container archive: headers as in FORMATS section 8, names by cp's rules.
// Threads: one at a time. The tree may change meanwhile: a file has the size that it had when its turn
//          came, what is missing then is zeros; names that vanish are left out.
#pragma once

#include <string>

#include "base/fs_at.h"
#include "base/stream.h"

namespace strata::runtime {

// What a path names. It is split as docker splits it: all but the last component is resolved below the
// root, links followed; the last is not, unless the path ends in "/" or "/.".
struct NamedPath {
  bool exists = false;
  struct stat info = {};
  std::string link_target;  // of a symlink
  bool is_folder() const { return exists && S_ISDIR(info.st_mode); }
  bool is_link() const { return exists && S_ISLNK(info.st_mode); }
};
// Errors: kNotFound when the folder that it is in does not exist; kInvalid for "x/" where x is no
// folder (`not a directory`).
Result<NamedPath> look_at(const Fd& root, const std::string& path);

// The path to which a symlink leads, and the links behind it: no link itself, or not there.
// Errors: kInvalid for links that go round.
Result<std::string> follow_links(const Fd& root, const std::string& path);

// True for paths that can only be folders: "x/", "x/.".
bool asserts_folder(std::string_view path);
// The name that a path's members have in a tar: its last component, "." for "x/." and the root.
std::string base_name(std::string_view path);

// Writes the tar of `path`, members named `name` and `name`/...; `to` is not finished. Sockets are
// left out. Errors: as look_at; kNotFound when the path itself is not there.
Status archive_path(const Fd& root, const std::string& path, const std::string& name, ByteSink& to);

}  // namespace strata::runtime
