// SPDX-License-Identifier: Apache-2.0
#include "cli/build_display.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>

#include "oci/json.h"

namespace strata::cli {

void BuildDisplay::stages_planned(const std::vector<StagePlan>& stages) {
  auto state = state_.lock();
  for (const StagePlan& stage : stages) state->order.push_back(stage.index);
}

void BuildDisplay::step_begun(size_t stage, size_t number, size_t total,
                              std::string_view original) {
  say(stage, fmt::format("Step {}/{} : {}\n", number, total, original));
}

void BuildDisplay::step_cached(size_t stage, const ImageId& image) {
  say(stage, fmt::format(" ---> Using cache\n ---> {}\n", image.short_hex()));
}

void BuildDisplay::step_done(size_t stage, const ImageId& image) {
  say(stage, fmt::format(" ---> {}\n", image.short_hex()));
}

void BuildDisplay::output(size_t stage, Stream, std::string_view bytes) { say(stage, bytes); }

void BuildDisplay::note(size_t stage, std::string_view line) {
  say(stage, fmt::format("{}\n", line));
}

void BuildDisplay::warn(size_t stage, std::string_view line) {
  say(stage, fmt::format("[Warning] {}\n", line));
}

void BuildDisplay::stage_ended(size_t stage) {
  auto state = state_.lock();
  state->ended.insert(stage);
  if (quiet_) return;
  while (state->shown < state->order.size() && state->ended.contains(state->order[state->shown])) {
    ++state->shown;
    if (state->shown == state->order.size()) break;
    print(state->kept[state->order[state->shown]]);
    state->kept.erase(state->order[state->shown]);
  }
}

void BuildDisplay::after_stages(std::string_view line) {
  auto state = state_.lock();
  if (!quiet_) print(fmt::format("{}\n", line));
}

void BuildDisplay::image_built(const ImageId& image, const std::vector<std::string>& tags) {
  if (!quiet_ && json_) out_.print(fmt::format("{{\"aux\":{{\"ID\":\"{}\"}}}}\n", image));
  after_stages(fmt::format("Successfully built {}", image.short_hex()));
  for (const std::string& tag : tags) after_stages(fmt::format("Successfully tagged {}", tag));
}

void BuildDisplay::close(bool failed) {
  auto state = state_.lock();
  for (const auto& [stage, text] : state->kept) {
    if (!quiet_ || failed) print(text);
  }
  state->kept.clear();
}

void BuildDisplay::say(size_t stage, std::string_view text) {
  auto state = state_.lock();
  const bool live = state->shown < state->order.size() && state->order[state->shown] == stage;
  if (live && !quiet_) {
    print(text);
  } else {
    state->kept[stage] += text;
  }
}

void BuildDisplay::print(std::string_view text) {
  if (text.empty()) return;
  if (json_) {
    boost::json::object line;
    line.emplace("stream", text);
    out_.print(oci::go_json(line) + "\n");
  } else {
    out_.print(text);
  }
  // What does not arrive is told when the program ends.
  [[maybe_unused]] Status flushed = out_.flush();
}

}  // namespace strata::cli
