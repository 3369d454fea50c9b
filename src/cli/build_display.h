// SPDX-License-Identifier: Apache-2.0
// What `build` prints: docker's lines, or the objects in which docker's API has them:
//   {"stream":"Step 1/3 : FROM busybox\n"}   {"aux":{"ID":"sha256:…"}}
// Stages that run at the same time come one after the other:
// the first one in the file that is not done is shown as it goes, the others are kept until then.
// Threads: any.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "cli/build_view.h"
#include "cli/output.h"

namespace strata::cli {

class BuildDisplay final : public BuildView {
 public:
  // `quiet`: nothing is shown; close() gives what was kept.
  BuildDisplay(Output& out, bool quiet, bool json) : out_(out), quiet_(quiet), json_(json) {}

  void stages_planned(const std::vector<StagePlan>& stages) override;
  void step_begun(size_t stage, size_t number, size_t total, std::string_view original) override;
  void step_cached(size_t stage, const ImageId& image) override;
  void step_done(size_t stage, const ImageId& image) override;
  void step_failed(size_t, std::string_view) override {}  // the program says it at its end
  void output(size_t stage, Stream stream, std::string_view bytes) override;
  void note(size_t stage, std::string_view line) override;
  void warn(size_t stage, std::string_view line) override;
  void stage_ended(size_t stage) override;
  void after_stages(std::string_view line) override;

  void image_built(const ImageId& image, const std::vector<std::string>& tags) override;
  // With `quiet`, only after a failure.
  void close(bool failed) override;

 private:
  struct State {
    std::vector<size_t> order;           // of the stages
    size_t shown = 0;                    // index in `order`: the stage that is shown as it goes
    std::map<size_t, std::string> kept;  // of the others, by stage
    std::set<size_t> ended;
  };
  void say(size_t stage, std::string_view text);
  void print(std::string_view text);

  Output& out_;
  const bool quiet_;
  const bool json_;
  Guarded<State> state_;
};

}  // namespace strata::cli
