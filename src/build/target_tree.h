// SPDX-License-Identifier: Apache-2.0
// TargetTree: the tree that a step makes, as COPY and ADD see it: paths that lead through its symlinks, folders that are
// made on the way.
// Threads: one.
#pragma once

#include <memory>
#include <string>

#include "base/pool.h"
#include "build/file_copier.h"
#include "build/source_tree.h"

namespace strata::build {

class TargetTree {
 public:
  // `top` is borrowed: what "/" is.
  static Result<TargetTree> open(const Fd& top, Pool& pool);

  const Fd& top() const { return tree_->top(); }
  // Where a path leads; what is not there yet is taken as it is written.
  Result<SourceTree::Place> find(const std::string& path) { return tree_->find(path, *pool_); }
  // Makes the folders of a path that find() has given, as far as they are not there: 0755, of this owner. Returns whether the
  // last of them is new. Errors: kInvalid, `... not a directory`.
  Result<bool> make_folders(const std::string& path, const Owner& owner);
  // Gives it the time of now.
  Status touch(const std::string& path);
  Status set_owner(const std::string& path, const Owner& owner);

 private:
  TargetTree(std::unique_ptr<SourceTree> tree, Pool& pool) : tree_(std::move(tree)), pool_(&pool) {}
  std::unique_ptr<SourceTree> tree_;
  Pool* pool_;
};

}  // namespace strata::build
