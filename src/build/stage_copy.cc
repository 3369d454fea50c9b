// SPDX-License-Identifier: Apache-2.0
// COPY and ADD of a stage.
#include "build/copy_files.h"
#include "build/stage_run.h"

namespace strata::build {
namespace {

// What of the flags is in force stands in the history, and so counts for the cache.
std::string flags_text(const Copy& copy, SumForm form) {
  std::string text;
  if (!copy.chmod.empty()) text += fmt::format("--chmod={} ", copy.chmod);
  if (copy.link) text += "--link ";
  if (copy.parents) text += "--parents ";
  for (const std::string& pattern : copy.excludes) text += fmt::format("--exclude={} ", pattern);
  if (!copy.checksum.empty()) text += fmt::format("--checksum={} ", copy.checksum);
  if (copy.keep_git_dir) text += "--keep-git-dir ";
  if (copy.unpack.has_value()) text += fmt::format("--unpack={} ", *copy.unpack);
  // Last, since docker up to 24 has no space behind it.
  if (!copy.chown.empty()) {
    text += fmt::format("--chown={}{}", copy.chown, form == SumForm::kDocker20 ? "" : " ");
  }
  return text;
}

}  // namespace

Result<SourceFiles> StageRun::open_source(const std::string& from) {
  if (from.empty()) return SourceFiles::of_context(work_.context);
  if (auto named = work_.contexts.find(context_key(from)); named != work_.contexts.end()) {
    return SourceFiles::of_context(*named->second);
  }
  STRATA_TRY(StageSource source,
             find_source(work_.file, from, planned_.index, work_.context_names));
  StageImage image;
  if (source.stage.has_value()) {
    STRATA_TRY(image, work_.results.wait(*source.stage));
  } else {
    STRATA_TRY(image, image_of(from).context("invalid from flag value {}", from));
  }
  return SourceFiles::of_image(work_.store, image);
}

Status StageRun::copy_step(const Copy& copy) {
  InstructionBody body = copy;
  STRATA_CHECK(expand_body(body, config_.config, args_, work_.file.escape));
  const Copy& request = std::get<Copy>(body);
  STRATA_TRY(SourceFiles files, open_source(request.from));
  CopyOrigin origin;
  origin.tree = &files.tree();
  origin.cache = files.sums();
  origin.form = work_.request.form;
  origin.root = &work_.store.root();
  STRATA_TRY(const CopyPlan plan, plan_copy(request, origin, work_.pool));
  oci::ContainerConfig step = config_.config;
  step.cmd = shell_of(config_.config);
  step.cmd->push_back(fmt::format("#(nop) {} {}{} in {} ", copy.is_add ? "ADD" : "COPY",
                                  flags_text(request, work_.request.form), plan.sum(),
                                  request.destination));
  return finish(std::move(step), [&](store::Transaction& txn) -> Result<std::optional<StepLayer>> {
    STRATA_TRY(StepTree tree, StepTree::mount(work_.store, txn, image_, StepTree::Kind::kPlain));
    STRATA_TRY(const CopyTarget target, tree.target(request.link));
    STRATA_CHECK(copy_files(plan, config_.config.working_dir, target, work_.pool));
    return std::move(tree).finish(work_.request.time, work_.pool, work_.buffers);
  });
}

}  // namespace strata::build
