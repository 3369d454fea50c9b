// SPDX-License-Identifier: Apache-2.0
// Which stages a target needs, and which of them wait for which.
// Source:  the Dockerfile reference, FROM, COPY --from, RUN --mount=from; BuildKit's way of leaving
//          out what nothing needs.
// Threads: pure functions.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "build/expand.h"
#include "build/parser.h"

namespace strata::build {

// Where something is taken from: a stage of this file, or a name from outside.
struct StageSource {
  std::optional<size_t> stage;
  std::string name;  // expanded; "scratch" for FROM scratch
};

struct PlannedStage {
  size_t index = 0;  // in Dockerfile::stages
  StageSource base;
  std::string platform;        // expanded; empty: that of the build
  std::set<size_t> waits_for;  // stages whose results it takes; all lower than `index`
};

struct StageGraph {
  std::vector<PlannedStage> stages;  // those that are needed, in the order of the file
  size_t target = 0;                 // index in Dockerfile::stages; the last of them
  size_t steps = 0;                  // FROM and instructions of all of them
};

// How named contexts are known: names of images come without docker.io/library and :latest, since a context may stand in
// for an image.
std::string context_key(const std::string& name);

// `args` has the global arguments declared. `contexts` are the keys of what --build-context gave:
// they come before stages or images of that name. Errors: kInvalid, kNotFound with docker's texts:
// "failed to reach build target x in Dockerfile", "base name (${X}) should not be blank".
Result<StageGraph> plan_stages(const Dockerfile& file, const std::string& target,
                               const BuildArgs& args, const std::set<std::string>& contexts);

// What `from` of a COPY or a mount in stage `index` means. A number is a stage. Errors: kInvalid
// for a number that is none of the stages before.
Result<StageSource> find_source(const Dockerfile& file, const std::string& from, size_t index,
                                const std::set<std::string>& contexts);

}  // namespace strata::build
