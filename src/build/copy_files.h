// SPDX-License-Identifier: Apache-2.0
// COPY and ADD: which files they mean, what their sum is, and what they do to a tree.
//
//   STRATA_TRY(CopyPlan plan, plan_copy(request, origin, pool));   // finds, downloads, hashes
//   ... plan.sum() goes into the history and is looked up in the build cache ...
//   STRATA_CHECK(copy_files(plan, target, pool));                  // a miss: the files
//
// Source:  dockerd 20.10's classic builder; BuildKit for what that does not know (--chmod, --link, --parents,
//          --exclude, heredocs, git). docs/formats/build-context.md, "COPY and ADD".
// Threads: one at a time per plan.
// Crash:   the target is staged; nobody else sees it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/pool.h"
#include "build/content_sum.h"
#include "build/instruction.h"
#include "build/source_tree.h"
#include "build/tree_copier.h"

namespace strata::build {

// Where the sources come from. Borrowed, and to be kept until the files are copied.
struct CopyOrigin {
  SourceTree* tree;           // of the context, a named context, a stage or an image
  SumCache* cache = nullptr;  // BuildContext::sums()
  SumForm form = SumForm::kDocker20;
  const Fd* root = nullptr;  // the data root, for what ADD downloads
};

class CopyPlan {
 public:
  CopyPlan(CopyPlan&&) noexcept;
  ~CopyPlan();

  // "file:...", "dir:..." or "multi:...", as in the history ("COPY file:... in /x ").
  const std::string& sum() const;

 private:
  friend class CopyPlanner;
  friend class CopyWork;
  friend Result<CopyPlan> plan_copy(const Copy& request, const CopyOrigin& origin, Pool& pool);
  friend Status copy_files(const CopyPlan& plan, const std::string& workdir,
                           const CopyTarget& target, Pool& pool);
  struct State;
  explicit CopyPlan(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// `request` has its words expanded. Errors: kNotFound, `COPY failed: file not found in build context or excluded by
// .dockerignore: stat x: file does not exist`; kInvalid, `When using COPY with more than one source file, ...`.
Result<CopyPlan> plan_copy(const Copy& request, const CopyOrigin& origin, Pool& pool);

// Puts the files there; `workdir` (absolute, may be empty) is what a relative destination begins at. --chown names are looked up in the
// target's /etc/passwd and /etc/group. After an error the target is of no use.
Status copy_files(const CopyPlan& plan, const std::string& workdir, const CopyTarget& target,
                  Pool& pool);

}  // namespace strata::build
