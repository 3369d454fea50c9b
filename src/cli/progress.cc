// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <memory>

#include "base/interrupt.h"
#include "cli/units.h"
#include "cli/value.h"

namespace strata::cli {
namespace {

constexpr size_t kBarColumns = 50;
constexpr const char* kReading = "Reading archive";

ScreenSize screen_size(int fd) {
  ScreenSize size;
  winsize found{};
  if (::ioctl(fd, TIOCGWINSZ, &found) == 0 && found.ws_col > 0 && found.ws_row > 0) {
    size = {found.ws_col, found.ws_row};
  }
  return size;
}

}  // namespace

std::string progress_text(uint64_t done_bytes, uint64_t total_bytes, size_t columns) {
  if (done_bytes == 0 && total_bytes == 0) return {};
  std::string done = human_size(static_cast<double>(done_bytes));
  if (total_bytes == 0) return fmt::format("{:>8}", done);
  std::string bar;
  if (columns >= kColumnsWithBar) {
    double part = static_cast<double>(done_bytes) / static_cast<double>(total_bytes);
    size_t filled = std::min(kBarColumns, static_cast<size_t>(part * 100) / 2);
    bar = fmt::format("[{}>{}] ", std::string(filled, '='), std::string(kBarColumns - filled, ' '));
  }
  if (done_bytes > total_bytes) return fmt::format("{}{:>8}", bar, done);
  return fmt::format("{}{:>8}/{}", bar, done, human_size(static_cast<double>(total_bytes)));
}

ScreenOutput ProgressDisplay::to_descriptor(int fd) {
  auto sink = std::make_shared<WaitingSink>(fd);
  return {[sink](std::string_view text) { (void)sink->write(as_bytes(text)).ok(); },
          [fd] { return screen_size(fd); }, [] { return Clock::now(); }};
}

ProgressDisplay::Line* ProgressDisplay::find(State& state, const DiffId& layer) const {
  for (Line& line : state.lines) {
    if (line.layer == layer && !line.finished) return &line;
  }
  return nullptr;
}

void ProgressDisplay::archive_advanced(uint64_t bytes_done, uint64_t total_bytes) {
  if (mode_ == ProgressMode::kNone || mode_ == ProgressMode::kPlain) return;
  auto state = state_.lock();
  if (state->lines.empty()) state->lines.push_back({{}, 0, total_bytes});
  Line& line = state->lines.front();
  line.done_bytes = bytes_done;
  if (mode_ == ProgressMode::kTerminal) draw(*state, false);
  if (mode_ == ProgressMode::kJson) report(line);
}

void ProgressDisplay::remove_archive(State& state) {
  std::erase_if(state.lines, [](const Line& line) { return !line.layer; });
}

void ProgressDisplay::layer_started(const DiffId& layer, uint64_t total_bytes) {
  if (mode_ == ProgressMode::kNone) return;
  auto state = state_.lock();
  remove_archive(*state);
  state->lines.push_back({layer, 0, total_bytes});
  if (mode_ == ProgressMode::kTerminal) draw(*state, false);
}

void ProgressDisplay::layer_advanced(const DiffId& layer, uint64_t bytes_done) {
  if (mode_ == ProgressMode::kNone) return;
  auto state = state_.lock();
  Line* line = find(*state, layer);
  if (line == nullptr) return;
  line->done_bytes = std::max(line->done_bytes, bytes_done);
  if (mode_ == ProgressMode::kTerminal) draw(*state, false);
  if (mode_ == ProgressMode::kJson) report(*line);
}

void ProgressDisplay::layer_finished(const DiffId& layer) {
  if (mode_ == ProgressMode::kNone) return;
  auto state = state_.lock();
  Line* line = find(*state, layer);
  if (line == nullptr) return;
  line->finished = true;
  line->done_bytes = std::max(line->done_bytes, line->total_bytes);
  if (mode_ == ProgressMode::kTerminal) return draw(*state, false);
  report(*line);
  state->lines.erase(state->lines.begin() + (line - state->lines.data()));
}

void ProgressDisplay::close() {
  if (mode_ != ProgressMode::kTerminal) return;
  auto state = state_.lock();
  remove_archive(*state);
  draw(*state, true);
}

std::string ProgressDisplay::text_of(const Line& line, size_t columns) const {
  std::string bar = progress_text(line.done_bytes, line.total_bytes, columns);
  if (!line.layer) return fmt::format("{} {}", kReading, bar);
  return fmt::format("{}: {} {}", line.layer->short_hex(), status_, bar);
}

std::string status_line(ProgressMode mode, std::string_view status, std::string_view id) {
  if (mode != ProgressMode::kJson) {
    return id.empty() ? fmt::format("{}\n", status) : fmt::format("{}: {}\n", id, status);
  }
  std::string text = quote_json(status, HtmlEscape::kYes);
  if (id.empty()) return fmt::format("{{\"status\":{}}}\n", text);
  return fmt::format("{{\"status\":{},\"progressDetail\":{{}},\"id\":\"{}\"}}\n", text, id);
}

void ProgressDisplay::report(Line& line) {
  if (mode_ == ProgressMode::kPlain) {
    if (line.finished) output_.write(text_of(line, 0) + "\n");
    return;
  }
  const Clock::time_point now = output_.now();
  if (!line.finished && now - line.shown < kRedrawInterval) return;
  line.shown = now;
  std::string bar = progress_text(line.done_bytes, line.total_bytes, kColumnsWithBar);
  std::string id = line.layer ? fmt::format(",\"id\":\"{}\"", line.layer->short_hex()) : "";
  output_.write(fmt::format(
      "{{\"status\":{},\"progressDetail\":{{\"current\":{},\"total\":{}}},\"progress\":{}{}}}\n",
      quote_json(line.layer ? status_ : kReading, HtmlEscape::kYes), line.done_bytes,
      line.total_bytes, quote_json(bar, HtmlEscape::kYes), id));
}

void ProgressDisplay::draw(State& state, bool last) {
  state.screen.draw(state.lines, output_, last,
                    [this](const Line& line, size_t columns) { return text_of(line, columns); });
}

}  // namespace strata::cli
