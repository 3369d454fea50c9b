// SPDX-License-Identifier: Apache-2.0
#include "build/stage_graph.h"

#include <algorithm>

#include "build/mount.h"
#include "oci/reference.h"

namespace strata::build {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// The names that a stage takes files from.
std::vector<std::string> sources_of(const Stage& stage) {
  std::vector<std::string> names;
  for (const Instruction& instruction : stage.instructions) {
    if (const auto* copy = std::get_if<Copy>(&instruction.body)) {
      if (!copy->from.empty()) names.push_back(copy->from);
    } else if (const auto* run = std::get_if<Run>(&instruction.body)) {
      for (const MountFlag& mount : run->mounts) {
        if (!mount.from.empty()) names.push_back(mount.from);
      }
    }
  }
  return names;
}

Result<PlannedStage> plan_stage(const Dockerfile& file, size_t index, const BuildArgs& args,
                                const std::set<std::string>& contexts) {
  const Stage& stage = file.stages[index];
  PlannedStage planned;
  planned.index = index;
  STRATA_TRY(planned.base.name, expand_word(stage.base, args.look_up_global(), file.escape));
  STRATA_TRY(planned.platform, expand_word(stage.platform, args.look_up_global(), file.escape));
  if (planned.base.name.empty()) {
    return error(ErrorCode::kInvalid, "base name ({}) should not be blank", stage.base);
  }
  if (!contexts.contains(context_key(planned.base.name))) {
    planned.base.stage = file.find_stage(planned.base.name, index);
    // FROM 0 is an image of that name: numbers are for --from.
    if (is_number(planned.base.name)) planned.base.stage.reset();
  }
  if (planned.base.stage.has_value()) planned.waits_for.insert(*planned.base.stage);
  for (const std::string& name : sources_of(stage)) {
    STRATA_TRY(StageSource source, find_source(file, name, index, contexts));
    if (source.stage.has_value()) planned.waits_for.insert(*source.stage);
  }
  return planned;
}

Result<size_t> find_target(const Dockerfile& file, const std::string& target) {
  if (target.empty()) return file.stages.size() - 1;
  std::optional<size_t> found = file.find_stage(lower(target), file.stages.size());
  if (found.has_value()) return *found;
  return error(ErrorCode::kNotFound, "failed to reach build target {} in Dockerfile", target);
}

}  // namespace

std::string context_key(const std::string& name) {
  const Result<oci::Reference> reference = oci::Reference::parse(name);
  if (!reference.ok()) return name;
  return reference->tag() == "latest" ? reference->familiar_name() : reference->familiar_string();
}

Result<StageSource> find_source(const Dockerfile& file, const std::string& from, size_t index,
                                const std::set<std::string>& contexts) {
  StageSource source;
  source.name = from;
  if (contexts.contains(context_key(from))) return source;
  source.stage = file.find_stage(lower(from), index);
  if (!source.stage.has_value() && is_number(from)) {
    return error(ErrorCode::kInvalid,
                 "invalid from flag value {}: invalid stage index: there are {} stages before this "
                 "one, counted from 0",
                 from, index);
  }
  return source;
}

Result<StageGraph> plan_stages(const Dockerfile& file, const std::string& target,
                               const BuildArgs& args, const std::set<std::string>& contexts) {
  StageGraph graph;
  STRATA_TRY(graph.target, find_target(file, target));
  std::map<size_t, PlannedStage> needed;
  std::set<size_t> open = {graph.target};
  while (!open.empty()) {
    const size_t index = *open.rbegin();
    open.erase(index);
    STRATA_TRY(PlannedStage planned, plan_stage(file, index, args, contexts));
    for (size_t below : planned.waits_for) {
      if (!needed.contains(below)) open.insert(below);
    }
    needed.emplace(index, std::move(planned));
  }
  for (auto& [index, planned] : needed) {
    graph.steps += 1 + file.stages[index].instructions.size();
    graph.stages.push_back(std::move(planned));
  }
  return graph;
}

}  // namespace strata::build
