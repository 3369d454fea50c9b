// SPDX-License-Identifier: Apache-2.0
#include "cli/pull_display.h"

#include <fmt/format.h>

#include "cli/value.h"

namespace strata::cli {

std::string_view PullDisplay::text_of(Stage stage) {
  switch (stage) {
    case Stage::kListed:
      return "Pulling fs layer";
    case Stage::kWaiting:
      return "Waiting";
    case Stage::kDownloading:
      return "Downloading";
    case Stage::kVerifying:
      return "Verifying Checksum";
    case Stage::kDownloaded:
      return "Download complete";
    case Stage::kExtracting:
      return "Extracting";
    case Stage::kComplete:
      return "Pull complete";
    case Stage::kHere:
      return "Already exists";
  }
  return "";
}

bool PullDisplay::has_bar(Stage stage) {
  return stage == Stage::kDownloading || stage == Stage::kExtracting;
}

std::string PullDisplay::text_of(const Line& line, size_t columns) const {
  std::string text = fmt::format("{}: {} ", line.blob.short_hex(), text_of(line.stage));
  if (has_bar(line.stage)) text += progress_text(line.bytes, line.total_bytes, columns);
  if (text.back() == ' ') text.pop_back();
  return text;
}

void PullDisplay::pull_started(const std::string& what, const std::string& path) {
  if (mode_ == ProgressMode::kNone) return;
  if (mode_ == ProgressMode::kJson) {
    output_.write(fmt::format("{{\"status\":\"Pulling from {}\",\"id\":\"{}\"}}\n", path, what));
  } else {
    output_.write(fmt::format("{}: Pulling from {}\n", what, path));
  }
}

void PullDisplay::layer_listed(const Digest& blob, bool is_here) {
  if (mode_ == ProgressMode::kNone) return;
  auto state = state_.lock();
  Line& line = state->lines.emplace_back();
  line.blob = blob;
  line.stage = is_here ? Stage::kHere : Stage::kListed;
  if (mode_ == ProgressMode::kTerminal) return draw(*state, false);
  report(line, true);
}

void PullDisplay::blob_waits(const Digest& blob) { advance(blob, Stage::kWaiting, 0, 0); }

void PullDisplay::blob_arrived(const Digest& blob, uint64_t bytes, uint64_t total_bytes) {
  advance(blob, bytes == total_bytes ? Stage::kVerifying : Stage::kDownloading, bytes, total_bytes);
}

void PullDisplay::blob_read(const Digest& blob, uint64_t bytes, uint64_t total_bytes) {
  if (mode_ == ProgressMode::kNone) return;
  auto state = state_.lock();
  for (Line& line : state->lines) {
    // While it still arrives, that is what is shown.
    if (line.blob != blob || line.stage < Stage::kVerifying || line.is_final()) continue;
    line.bytes = bytes;
    line.total_bytes = total_bytes;
    if (mode_ != ProgressMode::kTerminal || line.stage > Stage::kExtracting) continue;
    line.stage = Stage::kExtracting;
    draw(*state, false);
  }
}

void PullDisplay::blob_verified(const Digest& blob) {
  if (mode_ != ProgressMode::kTerminal) advance(blob, Stage::kVerifying, 0, 0);
  advance(blob, Stage::kDownloaded, 0, 0);
}

void PullDisplay::layer_unpacked(const Digest& blob) { advance(blob, Stage::kComplete, 0, 0); }

void PullDisplay::advance(const Digest& blob, Stage stage, uint64_t bytes, uint64_t total_bytes) {
  if (mode_ == ProgressMode::kNone) return;
  auto state = state_.lock();
  for (Line& line : state->lines) {
    if (line.blob != blob || stage < line.stage || line.is_final()) continue;
    bool is_new_stage = stage > line.stage;
    line.stage = stage;
    line.bytes = bytes;
    line.total_bytes = total_bytes;
    if (mode_ != ProgressMode::kTerminal) report(line, is_new_stage);
    if (stage == Stage::kComplete) break;  // of one layer, should the blob be that of several
  }
  if (mode_ == ProgressMode::kTerminal) draw(*state, false);
}

void PullDisplay::report(Line& line, bool is_new_stage) {
  if (mode_ == ProgressMode::kPlain) {
    if (is_new_stage && !has_bar(line.stage)) output_.write(text_of(line, 0) + "\n");
    return;
  }
  const Clock::time_point now = output_.now();
  if (!is_new_stage && now - line.shown < kRedrawInterval) return;
  line.shown = now;
  std::string progress = "\"progressDetail\":{}";
  if (has_bar(line.stage)) {
    progress = fmt::format(
        "\"progressDetail\":{{\"current\":{},\"total\":{}}},\"progress\":{}", line.bytes,
        line.total_bytes,
        quote_json(progress_text(line.bytes, line.total_bytes, kColumnsWithBar), HtmlEscape::kYes));
  }
  output_.write(fmt::format("{{\"status\":\"{}\",{},\"id\":\"{}\"}}\n", text_of(line.stage),
                            progress, line.blob.short_hex()));
}

void PullDisplay::draw(State& state, bool last) {
  state.screen.draw(state.lines, output_, last,
                    [this](const Line& line, size_t columns) { return text_of(line, columns); });
}

void PullDisplay::close() {
  auto state = state_.lock();
  if (mode_ == ProgressMode::kTerminal) draw(*state, true);
  *state = {};
}

}  // namespace strata::cli
