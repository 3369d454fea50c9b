// SPDX-License-Identifier: Apache-2.0
#include "build/build.h"

#include <algorithm>

#include "build/build_work.h"
#include "build/cache_sources.h"
#include "build/squash.h"
#include "build/stage_run.h"
#include "store/resolve.h"

namespace strata::build {
namespace {

// The arguments before the first FROM, each seen by the next.
Result<BuildArgs> global_args(const Dockerfile& file, const BuildRequest& request,
                              const oci::Platform& platform) {
  const std::string& stage = request.target.empty() ? file.stages.back().name : request.target;
  BuildArgs args(request.build_args, platform_args(oci::Platform::host(), platform, stage));
  for (const Instruction& instruction : file.global_args) {
    for (const Arg::Variable& variable : std::get<Arg>(instruction.body).variables) {
      std::optional<std::string> value;
      if (variable.value.has_value()) {
        STRATA_TRY(value, expand_word(*variable.value, args.look_up_global(), file.escape));
      }
      args.declare_global(variable.key, value);
    }
  }
  return args;
}

// --label: an instruction behind the last one of the target.
void add_labels(Dockerfile& file, StageGraph& graph,
                const std::map<std::string, std::string>& labels) {
  if (labels.empty()) return;
  Label label;
  Instruction instruction;
  instruction.original = "LABEL";
  for (const auto& [key, value] : labels) {
    // As a word of the file that stands for itself: in single quotes.
    auto word = [](std::string_view text) {
      std::string out = "'";
      for (char c : text) out += c == '\'' ? std::string("'\"'\"'") : std::string(1, c);
      return out + "'";
    };
    label.labels.push_back({word(key), word(value), true});
    instruction.original += fmt::format(" {}={}", key, value);
  }
  instruction.keyword = "LABEL";
  instruction.body = std::move(label);
  Stage& stage = file.stages[graph.target];
  instruction.lines = stage.instructions.empty() ? stage.lines : stage.instructions.back().lines;
  stage.instructions.push_back(std::move(instruction));
  ++graph.steps;
}

std::set<std::string> names_of(const std::vector<NamedContext>& contexts) {
  std::set<std::string> names;
  for (const NamedContext& named : contexts) names.insert(context_key(named.name));
  return names;
}

// --build-context.
Status open_named_contexts(BuildWork& work) {
  constexpr std::string_view kImage = "docker-image://", kLayout = "oci-layout://";
  for (const NamedContext& named : work.request.contexts) {
    const std::string key = context_key(named.name);
    if (named.place.starts_with(kImage)) {
      work.image_contexts[key] = named.place.substr(kImage.size());
      continue;
    }
    if (named.place.starts_with(kLayout)) {
      return error(ErrorCode::kUnsupported,
                   "--build-context {}={}: OCI layouts cannot be contexts; load it, and give "
                   "docker-image://NAME",
                   named.name, named.place);
    }
    ContextOptions options;
    options.place = named.place;
    options.root = &work.store.root();
    STRATA_TRY(work.contexts[key], BuildContext::open_named(options, work.pool));
  }
  return {};
}

std::vector<BuildLog::StagePlan> plans_of(const BuildWork& work) {
  std::vector<BuildLog::StagePlan> plans;
  for (const PlannedStage& planned : work.graph.stages) {
    const Stage& stage = work.file.stages[planned.index];
    plans.push_back({planned.index, stage.name, 1 + stage.instructions.size()});
  }
  return plans;
}

// Runs all stages, each on a thread of its own. The error is that of the first stage in the file
// that failed by itself.
Result<StageImage> run_stages(BuildWork& work, const BuildArgs& args,
                              std::vector<std::string>& unused) {
  const std::vector<PlannedStage>& stages = work.graph.stages;
  std::vector<Status> ended(stages.size());
  std::vector<std::vector<std::string>> unused_in(stages.size());
  std::vector<size_t> first_steps = {1};
  for (const PlannedStage& stage : stages) {
    first_steps.push_back(first_steps.back() + 1 +
                          work.file.stages[stage.index].instructions.size());
  }
  work.log.stages_planned(plans_of(work));
  // As many lanes as stages: they wait for each other.
  Status all = run_in_lanes(stages.size(), stages.size(), [&](size_t i) -> Status {
    StageRun stage(work, stages[i], first_steps[i], args);
    Result<StageImage> image = stage.run();
    unused_in[i] = stage.args().unused();
    if (image.ok()) {
      work.stage_args.lock()->emplace(stages[i].index, stage.args());
      work.results.set(stages[i].index, std::move(*image));
    } else {
      work.results.fail();
      work.log.step_failed(stages[i].index, image.error().message());
      ended[i] = std::move(image).error();
    }
    work.log.stage_ended(stages[i].index);
    return {};
  });
  STRATA_CHECK(std::move(all));
  const Status* failure = nullptr;
  for (const Status& status : ended) {
    if (status.ok()) continue;
    if (failure == nullptr || failure->error().code() == ErrorCode::kCancelled) failure = &status;
  }
  if (failure != nullptr) return failure->error();
  unused = unused_in.empty() ? std::vector<std::string>() : unused_in.front();
  for (const std::vector<std::string>& names : unused_in) {
    std::vector<std::string> both;
    std::set_intersection(unused.begin(), unused.end(), names.begin(), names.end(),
                          std::back_inserter(both));
    unused = std::move(both);
  }
  return work.results.wait(work.graph.target);
}

// The image's names. It may have been pruned since its step: what is there is added again.
Result<std::vector<store::MovedReference>> name_image(store::Store& store, const StageImage& image,
                                                      const std::vector<std::string>& tags) {
  STRATA_TRY(store::Transaction txn, store.begin());
  if (image.top() != nullptr) STRATA_CHECK(txn.hold_layers({image.top(), 1}));
  STRATA_TRY(ImageId id, txn.add_image(image.config->raw()));
  for (const std::string& tag : tags) STRATA_CHECK(txn.set_reference(tag, id));
  if (!tags.empty()) STRATA_CHECK(txn.touch(id));
  STRATA_CHECK(txn.commit());
  return txn.moved();
}

// --cache-to, when all is built.
Status export_caches(BuildWork& work, const ImageId& image, BuildReport& report) {
  const std::vector<BuiltStep> steps = *work.steps.lock();
  for (const CacheTarget& target : work.request.cache_to) {
    work.log.after_stages(fmt::format("Exporting cache to {}", target.place.text));
    Result<ExportedCache> exported =
        export_cache(work.store, steps, image, target, work.request.open_client, work.pool);
    if (exported.ok()) {
      work.log.after_stages(fmt::format("Exported {} steps, {} layers, {} of which were there",
                                        exported->steps, exported->layers, exported->known_layers));
      continue;
    }
    Error why = std::move(exported).error();
    why.add_context(fmt::format("cache-to {}", target.place.text));
    if (!target.ignore_error || why.code() == ErrorCode::kCancelled) return why;
    report.warnings.push_back(why.message());
  }
  return {};
}

}  // namespace

Result<BuildReport> build(store::Store& store, BuildContext& context, const BuildRequest& request,
                          BuildLog& log, Pool& pool, FailedCommand* failed) {
  STRATA_TRY(Dockerfile file,
             parse_dockerfile(context.dockerfile_text()));  // lines -> instructions
  const oci::Platform platform = request.platform.value_or(oci::Platform::host());
  STRATA_TRY(const BuildArgs args, global_args(file, request, platform));  // ARG before FROM
  const std::set<std::string> names = names_of(request.contexts);
  STRATA_TRY(StageGraph graph, plan_stages(file, request.target, args, names));
  add_labels(file, graph, request.labels);
  // From here on the stages and their steps are fixed.
  BuildReport report;
  STRATA_TRY(ImageCache cache, ImageCache::open(store));  // what parent links lead to
  STRATA_CHECK(add_cache_sources(store, request, platform, pool, cache, report.warnings));
  BuildWork work{.store = store,
                 .context = context,
                 .request = request,
                 .log = log,
                 .pool = pool,
                 .file = file,
                 .graph = graph,
                 .cache = cache,
                 .platform = platform,
                 .context_names = names};
  STRATA_CHECK(open_named_contexts(work));
  Result<StageImage> built = run_stages(work, args, report.unused_args);  // side by side
  if (failed != nullptr) *failed = *work.failed.lock();
  STRATA_TRY(StageImage image, std::move(built));
  if (!image.config.has_value()) {
    return error(ErrorCode::kInvalid, "No image was generated. Is your Dockerfile empty?");
  }
  // From here on every step is in the store, published by its stage.
  const ImageId last_step = image.config->id();
  if (request.squash) {
    STRATA_TRY(image, squash(work, image, *work.target_base.lock(), time_of_build(request)));
  }
  report.image = image.config->id();
  STRATA_TRY(report.moved, name_image(store, image, request.tags));
  STRATA_CHECK(export_caches(work, last_step, report));  // --cache-to
  return report;
}

}  // namespace strata::build
