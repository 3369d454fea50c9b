// SPDX-License-Identifier: Apache-2.0
#include "build/target_tree.h"

#include <unistd.h>

#include <cerrno>

#include "build/tree_path.h"

namespace strata::build {

Result<TargetTree> TargetTree::open(const Fd& top, Pool& pool) {
  STRATA_TRY(Fd copy, top.duplicate());
  return TargetTree(std::make_unique<SourceTree>(std::move(copy), SourceTree::Kind::kStage), pool);
}

Result<bool> TargetTree::make_folders(const std::string& path, const Owner& owner) {
  STRATA_TRY(const SourceTree::Place place, find(path));
  if (place.exists && !place.entry.is_folder()) {
    return error(ErrorCode::kInvalid, "mkdir /{}: not a directory", path);
  }
  if (place.exists) return false;
  const std::string parent = split_path(path).folder;
  STRATA_TRY(const bool is_new, make_folders(parent, owner));
  (void)is_new;
  // mkdir_at sets the mode anew; a folder that hands its group on has made this one such a folder.
  STRATA_TRY(const SourceTree::Place above, find(parent));
  STRATA_CHECK(mkdir_at(top(), path, 0755 | (above.entry.mode & S_ISGID)));
  STRATA_CHECK(set_owner(path, owner));
  return true;
}

Status TargetTree::set_owner(const std::string& path, const Owner& owner) {
  return change_owner(top(), path, owner);
}

Status TargetTree::touch(const std::string& path) {
  if (::utimensat(top().get(), path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno_error(errno, "set times of " + path);
  }
  return {};
}

}  // namespace strata::build
