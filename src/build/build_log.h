// SPDX-License-Identifier: Apache-2.0
// What a build says while it runs. Whoever shows it decides on words and order.
// Threads: stages run side by side, each by one thread; calls of different stages interleave.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hash/digest.h"

namespace strata::build {

class BuildLog {
 public:
  virtual ~BuildLog() = default;

  struct StagePlan {
    size_t index = 0;  // in the Dockerfile
    std::string name;  // empty: it has none
    size_t steps = 0;  // FROM and its instructions
  };
  // Before all others: the stages that will run, in order.
  virtual void stages_planned(const std::vector<StagePlan>& stages) = 0;
  // A step of stage `stage` (index in the Dockerfile) begins: FROM or an instruction. `number`
  // counts from 1 over all needed stages, in the order of the file.
  virtual void step_begun(size_t stage, size_t number, size_t total, std::string_view original) = 0;
  // It was found in the cache, with this image.
  virtual void step_cached(size_t stage, const ImageId& image) = 0;
  // It has made this image.
  virtual void step_done(size_t stage, const ImageId& image) = 0;
  // It, and so the stage, has come to nothing.
  virtual void step_failed(size_t stage, std::string_view why) = 0;
  // What a program of the step wrote, as it came.
  enum class Stream { kOut, kErr };
  virtual void output(size_t stage, Stream stream, std::string_view bytes) = 0;
  // A line of our own about the step.
  virtual void note(size_t stage, std::string_view line) = 0;
  virtual void warn(size_t stage, std::string_view line) = 0;
  // Nothing more comes of this stage.
  virtual void stage_ended(size_t stage) = 0;
  // A line about what is done when all stages have ended.
  virtual void after_stages(std::string_view line) = 0;
};

}  // namespace strata::build
