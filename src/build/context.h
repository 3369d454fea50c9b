// SPDX-License-Identifier: Apache-2.0
// BuildContext: what `build` gets as its last argument: a tree, what of it is left out, and the Dockerfile.
//   folder            taken where it is, nothing is copied
//   -                 from standard input: a tar (compressed or not), or a Dockerfile alone
//   http(s)://...     the same from a URL
//   git URLs          `https://x.git#ref:folder`, `git@...` (git_source.h)
// Tars and repositories go to a folder below <root>/strata, which goes with this object. Of a tar docker leaves out only the
// Dockerfile and .dockerignore, if that says so; of the others all that it says.
// Source:  docker 20.10, its client and daemon; Dockerfile.dockerignore is BuildKit's.
// Threads: one at a time; tree() may be used by any thread.
// Crash:   the folder is a WorkFolder's: the next writer takes it away.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/pool.h"
#include "build/source_tree.h"
#include "build/sum_cache.h"
#include "store/work_folder.h"

namespace strata::build {

struct ContextOptions {
  std::string place;       // the argument
  std::string dockerfile;  // -f; empty: Dockerfile, or dockerfile; "-": from standard input
  const Fd* root;  // the data root, for folders and remembered sums; null: PLACE is a folder
  int standard_input = 0;
  bool keep_git_dir = false;  // of a repository: BUILDKIT_CONTEXT_KEEP_GIT_DIR=1
};

class BuildContext {
 public:
  // Errors have docker's texts: `unable to prepare context: path "x" not found`, `unable to evaluate symlinks in Dockerfile
  // path: lstat /c/Dockerfile: no such file or directory`, `Cannot locate specified Dockerfile: x`, `error checking context: ...`.
  static Result<std::unique_ptr<BuildContext>> open(const ContextOptions& options, Pool& pool);
  // --build-context NAME=PLACE, with PLACE a folder, URL or repository: no Dockerfile is looked for.
  static Result<std::unique_ptr<BuildContext>> open_named(const ContextOptions& options,
                                                          Pool& pool);
  ~BuildContext();  // keeps the sums that are new for the next build, if that can be done

  SourceTree& tree() { return *tree_; }
  // Sums of its files from former builds; null for what is not there next time.
  SumCache* sums() { return sums_.get(); }
  const std::string& dockerfile_text() const { return dockerfile_text_; }
  // Relative to the context, or as it was given if it lies elsewhere; "-": standard input.
  const std::string& dockerfile_name() const { return dockerfile_name_; }

 private:
  friend class ContextOpener;
  BuildContext();
  std::optional<store::WorkFolder> temporary_;
  std::unique_ptr<SourceTree> tree_;
  std::unique_ptr<SumCache> sums_;
  std::string dockerfile_text_;
  std::string dockerfile_name_;
};

}  // namespace strata::build
