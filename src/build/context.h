// SPDX-License-Identifier: Apache-2.0
// BuildContext: what `build` gets as its last argument: an open tree, what of it is left out, and the Dockerfile.
//   folder            taken as it is, nothing is copied
//   -                 a tar from standard input (compressed or not), or a Dockerfile alone
//   http(s)://...     the same from a URL
//   git URLs          `https://x.git#ref:folder`, `git@...`, `git://...`: fetched by the git program
// Tars and repositories go to a temporary folder below <root>/strata, which goes with this object.
// Threads: one at a time; tree() may be used by any thread.
// Crash:   the temporary folder is a WorkFolder: the next writer takes it away.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/pool.h"
#include "build/source_tree.h"
#include "build/sum_cache.h"

namespace strata::build {

struct ContextOptions {
  std::string place;       // the argument
  std::string dockerfile;  // -f; empty: Dockerfile, or dockerfile; "-": standard input
  const Fd* root;          // the data root: for temporary folders and the sum cache
  int standard_input = 0;
};

class BuildContext {
 public:
  // Errors have docker's texts: `unable to prepare context: path "x" not found` ...
  static Result<std::unique_ptr<BuildContext>> open(const ContextOptions& options, Pool& pool);
  // A named context: --build-context NAME=PLACE, a folder, URL or git. No Dockerfile in it.
  static Result<std::unique_ptr<BuildContext>> open_named(const ContextOptions& options,
                                                          Pool& pool);
  ~BuildContext();

  SourceTree& tree() { return *tree_; }
  // Sums of its files from former builds; null where there can be none (what came as a tar).
  SumCache* sums() { return sums_.get(); }
  const std::string& dockerfile_text() const { return dockerfile_text_; }
  // As docker names it in messages: relative to the context.
  const std::string& dockerfile_name() const { return dockerfile_name_; }

 private:
  friend class ContextOpener;
  BuildContext();
  class TemporaryFolder;
  std::unique_ptr<TemporaryFolder> temporary_;
  std::unique_ptr<SourceTree> tree_;
  std::unique_ptr<SumCache> sums_;
  std::string dockerfile_text_;
  std::string dockerfile_name_;
};

}  // namespace strata::build
