// SPDX-License-Identifier: Apache-2.0
#include "build/stage_run.h"

#include <algorithm>

#include "oci/json.h"
#include "oci/new_image.h"
#include "store/resolve.h"

namespace strata::build {
namespace {

// As much as is read of one when an image is loaded, and room for what comes on top.
constexpr size_t kMaxConfigBytes = size_t{8} << 20;

// The cache must be asked again for each step, but a first miss ends it: what follows stands on
// something new.
std::string key_of(const oci::ImageConfig* parent, const oci::ContainerConfig& step) {
  return (parent == nullptr ? std::string("scratch") : parent->id().to_string()) +
         oci::go_json(step.to_json());
}

}  // namespace

StageRun::StageRun(BuildWork& work, const PlannedStage& planned, size_t first_step,
                   const BuildArgs& args)
    : work_(work),
      planned_(planned),
      stage_(work.file.stages[planned.index]),
      step_number_(first_step),
      args_(args),
      platform_(work.platform) {}

Result<StageImage> StageRun::run() {
  STRATA_CHECK(begin().context("{}:{}", work_.context.dockerfile_name(), stage_.lines.first));
  for (const Instruction& instruction : stage_.instructions) {
    STRATA_CHECK(work_.pool.check_cancelled());
    ++step_number_;
    work_.log.step_begun(planned_.index, step_number_, work_.graph.steps, instruction.original);
    STRATA_CHECK(step(instruction)
                     .context("{}:{}", work_.context.dockerfile_name(), instruction.lines.first));
  }
  return image_;
}

Status StageRun::begin() {
  work_.log.step_begun(planned_.index, step_number_, work_.graph.steps, stage_.original);
  if (!planned_.platform.empty()) {
    STRATA_TRY(platform_, oci::Platform::parse(planned_.platform));
  }
  args_.start_stage();
  STRATA_TRY(StageImage base, find_base());
  if (const std::optional<size_t>& below = planned_.base.stage; below.has_value()) {
    args_.start_stage_on(work_.stage_args.lock()->at(*below));
  }
  if (planned_.index == work_.graph.target) *work_.target_base.lock() = base;
  STRATA_CHECK(take_base(std::move(base)));
  STRATA_CHECK(take_files_of_base());
  return run_triggers();
}

Result<StageImage> StageRun::find_base() {
  if (planned_.base.stage.has_value()) return work_.results.wait(*planned_.base.stage);
  const std::string key = context_key(planned_.base.name);
  if (key == "scratch" || work_.contexts.contains(key)) return StageImage{};
  return image_of(planned_.base.name);
}

// FROM a named context that is a folder: its files are the first layer.
Status StageRun::take_files_of_base() {
  if (planned_.base.stage.has_value()) return {};
  if (!work_.contexts.contains(context_key(planned_.base.name))) return {};
  Copy all;
  all.from = planned_.base.name;
  all.sources = {"."};
  all.destination = "/";
  return copy_step(all);
}

Result<StageImage> StageRun::image_of(const std::string& given) {
  auto named = work_.image_contexts.find(context_key(given));
  const std::string& name = named == work_.image_contexts.end() ? given : named->second;
  Result<store::Resolved> found = store::resolve(work_.store, name);
  if ((!found.ok() && found.error().code() == ErrorCode::kNotFound) || work_.request.pull) {
    STRATA_CHECK(work_.request.fetch(name, platform_));
    found = store::resolve(work_.store, name);
  }
  if (!found.ok()) return std::move(found).error();
  STRATA_TRY(std::string raw, work_.store.images().read_config(found->image));
  StageImage image;
  STRATA_TRY(image.config, oci::ImageConfig::parse(std::move(raw)));
  image.chains = image.config->chain_ids();
  return image;
}

Status StageRun::take_base(StageImage image) {
  image_ = std::move(image);
  config_.form = work_.request.form;
  if (image_.config.has_value() && image_.config->config() != nullptr) {
    STRATA_TRY(config_.config, oci::ContainerConfig::parse(*image_.config->config()));
  }
  oci::ContainerConfig& config = config_.config;
  config.open_stdin = false;
  config.stdin_once = false;
  if (!oci::find_env(config.env, "PATH").has_value()) {
    oci::set_env(config.env, "PATH", kDefaultPath);
  }
  if (image_.config.has_value()) {
    config.image = image_.config->id().to_string();
    work_.log.step_done(planned_.index, image_.config->id());
  }
  const auto& names = work_.request.no_cache_stages;
  cache_usable_ =
      !work_.request.no_cache &&
      (stage_.name.empty() || std::find(names.begin(), names.end(), stage_.name) == names.end());
  return {};
}

Status StageRun::run_triggers() {
  const std::vector<std::string> triggers =
      config_.config.on_build.value_or(std::vector<std::string>());
  config_.config.on_build.reset();
  if (triggers.empty()) return {};
  work_.log.note(planned_.index, fmt::format("# Executing {} build trigger{}", triggers.size(),
                                             triggers.size() == 1 ? "" : "s"));
  for (const std::string& trigger : triggers) {
    STRATA_TRY(Instruction instruction, parse_instruction(trigger));
    STRATA_CHECK(step(instruction).context("ONBUILD {}", trigger));
  }
  return {};
}

Status StageRun::step(const Instruction& instruction) {
  if (const auto* run = std::get_if<Run>(&instruction.body)) return run_step(*run);
  if (const auto* copy = std::get_if<Copy>(&instruction.body)) return copy_step(*copy);
  if (std::holds_alternative<Workdir>(instruction.body)) return workdir_step(instruction);
  return config_step(instruction);
}

// What a dockerd adds to the config of the container that it makes of an image for such a step; the
// health check is also that of the image to be.
Status StageRun::merge_image(oci::ContainerConfig& step) {
  if (image_.get() == nullptr || image_.config->config() == nullptr) return {};
  STRATA_TRY(const oci::ContainerConfig below,
             oci::ContainerConfig::parse(*image_.config->config()));
  if (!step.labels.has_value()) step.labels.emplace();
  if (!step.entrypoint.has_value()) step.entrypoint = below.entrypoint;
  if (!below.healthcheck.has_value()) return {};
  if (!step.healthcheck.has_value()) step.healthcheck.emplace();
  oci::Healthcheck& health = *step.healthcheck;
  if (health.test.empty()) health.test = below.healthcheck->test;
  for (auto member : {&oci::Healthcheck::interval_ns, &oci::Healthcheck::timeout_ns,
                      &oci::Healthcheck::start_period_ns, &oci::Healthcheck::retries}) {
    if (health.*member == 0) health.*member = (*below.healthcheck).*member;
  }
  config_.config.healthcheck = health;
  return {};
}

Status StageRun::config_step(const Instruction& instruction) {
  STRATA_TRY(std::string what, apply_to_config(instruction, config_, args_, work_.file.escape));
  oci::ContainerConfig step = config_.config;
  STRATA_CHECK(merge_image(step));
  step.cmd = no_command(config_.config, what);
  return finish(std::move(step), nullptr);
}

Status StageRun::workdir_step(const Instruction& instruction) {
  STRATA_TRY(std::string what, apply_to_config(instruction, config_, args_, work_.file.escape));
  oci::ContainerConfig step = config_.config;
  STRATA_CHECK(merge_image(step));
  step.cmd = shell_of(config_.config);
  step.cmd->push_back("#(nop) " + what);
  return finish(std::move(step),
                [this](store::Transaction& txn) -> Result<std::optional<StepLayer>> {
                  STRATA_TRY(StepTree tree,
                             StepTree::mount(work_.store, txn, image_, StepTree::Kind::kContainer));
                  STRATA_CHECK(tree.make_folders(config_.config.working_dir));
                  return std::move(tree).finish(work_.request.time, work_.pool, work_.buffers);
                });
}

Result<std::string> StageRun::expanded(std::string_view word) const {
  static const std::vector<std::string> kNothing;
  const auto& env = config_.config.env;
  return expand_word(word, args_.look_up(env.has_value() ? *env : kNothing), work_.file.escape);
}

Status StageRun::finish(oci::ContainerConfig step, const Make& make) {
  if (cache_usable_) {
    STRATA_TRY(cache_usable_, take_cached(step, make != nullptr));
    if (cache_usable_) return {};
  }
  const std::string key = key_of(image_.get(), step);
  std::optional<StageImage> shared;
  if (!work_.request.no_cache && !work_.shared.claim(key, shared)) {
    if (!shared.has_value()) return error(ErrorCode::kCancelled, "another stage has failed");
    take_from_cache(std::move(*shared));
    return {};
  }
  Result<StageImage> made = make_image(step, make);
  if (!work_.request.no_cache) {
    work_.shared.done(key, made.ok() ? std::optional(*made) : std::nullopt);
  }
  if (!made.ok()) return std::move(made).error();
  work_.log.step_done(planned_.index, made->config->id());
  take(std::move(*made));
  return {};
}

Result<StageImage> StageRun::make_image(const oci::ContainerConfig& step, const Make& make) {
  STRATA_TRY(store::Transaction txn, work_.store.begin());
  if (!image_.chains.empty()) STRATA_CHECK(txn.hold_layers({&image_.chains.back(), 1}));
  StageImage made;
  made.chains = image_.chains;
  oci::NewImage image = image_of_step(step, time_of_build(work_.request));
  if (make) {
    STRATA_TRY(std::optional<StepLayer> layer, make(txn));
    if (layer.has_value()) {
      image.layer = layer->written.diff_id;
      STRATA_TRY(ChainId chain, txn.add_layer(std::move(layer->staged), image_.top(),
                                              layer->written.diff_id, layer->written.size_bytes));
      made.chains.push_back(chain);
    }
  }
  STRATA_CHECK(publish(txn, oci::make_image_config(image), made));
  return made;
}

oci::NewImage StageRun::image_of_step(const oci::ContainerConfig& step,
                                      const oci::Time& created) const {
  oci::NewImage image;
  image.parent = image_.get();
  image.config = config_.config;
  image.container_config = step;
  image.author = config_.author;
  image.created = created;
  image.platform = platform_;
  image.step.created = created;
  image.step.author = config_.author;
  image.step.created_by = fmt::format("{}", fmt::join(*step.cmd, " "));
  return image;
}

Status StageRun::publish(store::Transaction& txn, std::string config, StageImage& made) {
  if (config.size() > kMaxConfigBytes) {
    return error(ErrorCode::kInvalid, "the image config would have {} bytes: at most {}",
                 config.size(), kMaxConfigBytes);
  }
  STRATA_TRY(made.config, oci::ImageConfig::parse(std::move(config)));
  STRATA_TRY(ImageId id, txn.add_image(made.config->raw()));
  if (image_.config.has_value()) {
    // Somebody may have pruned it since: an image without a name that nothing stands on.
    STRATA_TRY(ImageId parent, txn.add_image(image_.config->raw()));
    STRATA_CHECK(txn.set_parent(id, parent));
  }
  STRATA_CHECK(txn.set_built_locally(id));
  return txn.commit();
}

void StageRun::take(StageImage image) {
  BuiltStep step{std::nullopt, image.config->id()};
  if (image_.config.has_value()) step.parent = image_.config->id();
  work_.steps.lock()->push_back(step);
  image_ = std::move(image);
  config_.config.image = image_.config->id().to_string();
}

}  // namespace strata::build
