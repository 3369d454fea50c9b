// SPDX-License-Identifier: Apache-2.0
// The files that a COPY or a mount takes from: those of the context, of a named context, or of a
// stage's or an image's tree, which is mounted for as long as this lives.
// Threads: one at a time; the tree by any.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "build/build_work.h"
#include "build/step_tree.h"

namespace strata::build {

class SourceFiles {
 public:
  // Borrows the context.
  static SourceFiles of_context(BuildContext& context);
  // Mounts the tree, and holds its layers.
  static Result<SourceFiles> of_image(store::Store& store, const StageImage& image);

  SourceTree& tree() { return context_ != nullptr ? context_->tree() : *tree_; }
  SumCache* sums() { return context_ != nullptr ? context_->sums() : nullptr; }
  // Absolute path of the tree's top.
  Result<std::string> path();

 private:
  SourceFiles() = default;

  BuildContext* context_ = nullptr;
  std::unique_ptr<store::Transaction> txn_;  // before the mount: outlives it
  std::unique_ptr<SourceMount> mount_;
  std::unique_ptr<SourceTree> tree_;
};

}  // namespace strata::build
