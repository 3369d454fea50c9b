// SPDX-License-Identifier: Apache-2.0
// What the stages of one build share.
// Threads: any; what changes is in Guarded.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/guarded.h"
#include "base/pool.h"
#include "build/build.h"
#include "build/export_cache.h"
#include "build/image_cache.h"
#include "build/parser.h"
#include "build/stage_graph.h"

namespace strata::build {

// An image at some step: what the next one stands on.
struct StageImage {
  std::optional<oci::ImageConfig> config;  // none: scratch
  std::vector<ChainId> chains;             // base first

  const oci::ImageConfig* get() const { return config.has_value() ? &*config : nullptr; }
  const ChainId* top() const { return chains.empty() ? nullptr : &chains.back(); }
};

// The images that stages have ended with; those that wait for them wait here.
class StageResults {
 public:
  void set(size_t stage, StageImage image);
  // From now on nobody waits.
  void fail();
  // Waits until the stage has ended. Errors: kCancelled when another one has failed.
  Result<StageImage> wait(size_t stage);

 private:
  struct State {
    std::map<size_t, StageImage> images;
    bool failed = false;
  };
  Guarded<State> state_;
  std::condition_variable changed_;
};

// Steps that are the same in several stages are done once: who comes second waits for the first.
class SharedSteps {
 public:
  // True: the caller does the step, and then calls done() whatever came of it. False: somebody has
  // done it, and `image` says with which result; none if it failed there.
  bool claim(const std::string& key, std::optional<StageImage>& image);
  void done(const std::string& key, std::optional<StageImage> image);

 private:
  struct Step {
    bool done = false;
    std::optional<StageImage> image;
  };
  Guarded<std::map<std::string, Step>> steps_;
  std::condition_variable changed_;
};

// The time that what is made now has: the one that was asked for, or now.
oci::Time time_of_build(const BuildRequest& request);

struct BuildWork {
  static constexpr size_t kBlockBytes = 256u << 10;
  static constexpr size_t kBlocks = 64;

  store::Store& store;
  BuildContext& context;
  const BuildRequest& request;
  BuildLog& log;
  Pool& pool;
  const Dockerfile& file;
  const StageGraph& graph;
  const ImageCache& cache;
  oci::Platform platform;
  std::map<std::string, std::unique_ptr<BuildContext>> contexts = {};  // named ones, by key
  std::map<std::string, std::string> image_contexts = {};  // those that are images: their names
  std::set<std::string> context_names = {};
  StageResults results = {};
  Guarded<std::map<size_t, BuildArgs>> stage_args = {};  // what stages have ended with
  SharedSteps shared = {};
  BufferPool buffers{kBlockBytes, kBlocks};  // what layers travel through
  Guarded<FailedCommand> failed = {};
  Guarded<StageImage> target_base = {};        // what the target's stage stands on
  Guarded<std::vector<BuiltStep>> steps = {};  // of all stages, as they end; for --cache-to
};

}  // namespace strata::build
