// SPDX-License-Identifier: Apache-2.0
// StageRun: one stage, step by step. Each step stands on the image of the one before and leaves an
// image of its own.
// Source:  docker's classic builder: order of cache lookups, words of the history, FORMATS
//          section 7.
// Threads: one per object.
#pragma once

#include <functional>
#include <string>

#include "build/build_work.h"
#include "build/config_step.h"
#include "build/run_mounts.h"
#include "build/source_files.h"
#include "build/step_tree.h"
#include "oci/new_image.h"

namespace strata::build {

class StageRun {
 public:
  // `first_step`: the number that FROM has.
  StageRun(BuildWork& work, const PlannedStage& planned, size_t first_step, const BuildArgs& args);

  // Errors: those of the steps, with the line of the Dockerfile.
  Result<StageImage> run();

  const BuildArgs& args() const { return args_; }

 private:
  // What a step does to files: none, if it only changes the config.
  using Make = std::function<Result<std::optional<StepLayer>>(store::Transaction&)>;

  Status begin();
  Result<StageImage> find_base();
  Status take_base(StageImage image);
  Status take_files_of_base();
  Status run_triggers();

  Status step(const Instruction& instruction);
  Status merge_image(oci::ContainerConfig& step);
  Status config_step(const Instruction& instruction);
  Status workdir_step(const Instruction& instruction);
  Status copy_step(const Copy& copy);  // stage_copy.cc
  Status run_step(const Run& run);     // stage_exec.cc

  // The files that COPY or a mount takes from: those of the context for an empty `from`, else of a
  // named context, stage or image.
  Result<SourceFiles> open_source(const std::string& from);
  // An image of the store, fetched if it is not there. `given`: its name, or that of a context that
  // stands for an image.
  Result<StageImage> image_of(const std::string& given);
  Result<std::string> expanded(std::string_view word) const;

  Result<RunMounts> open_mounts(const Run& run);
  // Runs the words in the tree, as docker runs a RUN.
  Status execute(const Run& run, const std::vector<std::string>& words, const RunMounts& mounts,
                 const StepTree& tree);

  // Takes the image that a step with this container config has left, from the cache or from
  // another stage, or makes it.
  Status finish(oci::ContainerConfig step, const Make& make);
  Result<StageImage> make_image(const oci::ContainerConfig& step, const Make& make);
  // Takes it from a cache: the store's, or what --cache-from gave. False: there is no such step.
  // stage_cache.cc.
  Result<bool> take_cached(const oci::ContainerConfig& step, bool writes_files);
  Result<bool> take_foreign(const oci::ContainerConfig& step);
  Result<bool> take_imported(const oci::ContainerConfig& step, bool writes_files);
  Result<StageImage> fetch_imported(const ImageCache::ImportedStep& found,
                                    const oci::ContainerConfig& step, bool writes_files);
  // The layer on top of the image, from the store or the cache, verified; `made` gets its chain.
  Status bring_layer(const ImportedCache& cache, const DiffId& layer, store::Transaction& txn,
                     StageImage& made);
  oci::NewImage image_of_step(const oci::ContainerConfig& step, const oci::Time& created) const;
  // Adds the image and its parent link; `made` has its chains.
  Status publish(store::Transaction& txn, std::string config, StageImage& made);
  void take(StageImage image);
  void take_from_cache(StageImage image);

  BuildWork& work_;
  const PlannedStage& planned_;
  const Stage& stage_;
  size_t step_number_;
  BuildArgs args_;
  oci::Platform platform_;
  StageImage image_;
  StageConfig config_;
  bool cache_usable_ = true;
};

}  // namespace strata::build
