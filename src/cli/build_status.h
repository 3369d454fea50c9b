// SPDX-License-Identifier: Apache-2.0
// What `build --progress rawjson` prints, as buildx does: see build_status.cc for the form.
// Stages that run at the same time are not put in order: each object says which step it is about.
// Threads: any.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "cli/build_view.h"
#include "cli/output.h"
#include "oci/go_time.h"

namespace strata::cli {

class BuildStatus final : public BuildView {
 public:
  explicit BuildStatus(Output& out) : out_(out) {}

  void stages_planned(const std::vector<StagePlan>& stages) override;
  void step_begun(size_t stage, size_t number, size_t total, std::string_view original) override;
  void step_cached(size_t stage, const ImageId& image) override;
  void step_done(size_t stage, const ImageId& image) override;
  void step_failed(size_t stage, std::string_view why) override;
  void output(size_t stage, Stream stream, std::string_view bytes) override;
  void note(size_t stage, std::string_view line) override;
  void warn(size_t stage, std::string_view line) override;
  void stage_ended(size_t stage) override;
  void after_stages(std::string_view line) override;
  void close(bool) override {}
  void image_built(const ImageId& image, const std::vector<std::string>& tags) override;

 private:
  struct Vertex {
    std::string digest;
    std::string input;  // digest of the step before; empty: none
    std::string name;
    oci::Time started;
  };
  struct Ending {
    bool cached = false;
    std::string_view error = {};
  };
  struct Stage {
    std::string name;  // with a space behind it, or empty
    size_t steps = 0;
    size_t begun = 0;
    std::optional<Vertex> open = {};
    std::string last = {};  // digest of the latest step
  };

  // With the lock of stages_ held.
  void print(std::string_view member, const std::vector<boost::json::object>& values);
  static boost::json::object value_of(const Vertex& vertex);
  void end(const Vertex& vertex, const Ending& ending);
  void end_step(Stage& stage, const Ending& ending);
  void log(const Stage& stage, Stream stream, std::string_view bytes);

  Output& out_;
  Guarded<std::map<size_t, Stage>> stages_;
};

}  // namespace strata::cli
