// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>

#include "base/fd.h"
#include "cli/units.h"
#include "cli/value.h"

namespace strata::cli {
namespace {

constexpr size_t kBarColumns = 50;
constexpr size_t kBarNeedsColumns = 110;
constexpr auto kRedrawInterval = std::chrono::milliseconds(100);

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
  if (columns > kBarNeedsColumns) {
    double part = static_cast<double>(done_bytes) / static_cast<double>(total_bytes);
    size_t filled = std::min(kBarColumns, static_cast<size_t>(part * 100) / 2);
    bar = fmt::format("[{}>{}] ", std::string(filled, '='), std::string(kBarColumns - filled, ' '));
  }
  if (done_bytes > total_bytes) return fmt::format("{}{:>8}", bar, done);
  return fmt::format("{}{:>8}/{}", bar, done, human_size(static_cast<double>(total_bytes)));
}

ProgressDisplay::Output ProgressDisplay::to_descriptor(int fd) {
  return {[fd](std::string_view text) { (void)write_all(fd, as_bytes(text)).ok(); },
          [fd] { return screen_size(fd); }, [] { return Clock::now(); }};
}

ProgressDisplay::Line* ProgressDisplay::find(State& state, const DiffId& layer) const {
  for (Line& line : state.lines) {
    if (line.layer == layer && !line.finished) return &line;
  }
  return nullptr;
}

void ProgressDisplay::layer_started(const DiffId& layer, uint64_t total_bytes) {
  if (mode_ == ProgressMode::kNone) return;
  auto state = state_.lock();
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
  draw(*state, true);
}

std::string ProgressDisplay::text_of(const Line& line, size_t columns) const {
  return fmt::format("{}: {} {}", line.layer.short_hex(), status_,
                     progress_text(line.done_bytes, line.total_bytes, columns));
}

void ProgressDisplay::report(Line& line) {
  if (mode_ == ProgressMode::kPlain) {
    if (line.finished) output_.write(text_of(line, 0) + "\n");
    return;
  }
  const Clock::time_point now = output_.now();
  if (!line.finished && now - line.shown < kRedrawInterval) return;
  line.shown = now;
  std::string bar = progress_text(line.done_bytes, line.total_bytes, kBarNeedsColumns + 1);
  output_.write(fmt::format(
      "{{\"status\":{},\"progressDetail\":{{\"current\":{},\"total\":{}}},\"progress\":{},"
      "\"id\":\"{}\"}}\n",
      quote_json(status_, HtmlEscape::kYes), line.done_bytes, line.total_bytes,
      quote_json(bar, HtmlEscape::kYes), line.layer.short_hex()));
}

// Redraws the lines that can still change. A line leaves them, printed for good, when it is
// finished and all above it are; or when there are more lines than the screen has, because the
// cursor cannot go back to what has scrolled away.
void ProgressDisplay::draw(State& state, bool last) {
  const Clock::time_point now = output_.now();
  if (!last && now - state.drawn_at < kRedrawInterval) return;
  state.drawn_at = now;
  const ScreenSize screen = output_.size();
  const size_t reachable = std::max<size_t>(2, screen.rows) - 1;
  std::string out = state.drawn > 0 ? fmt::format("\x1b[{}A", state.drawn) : "";
  auto print = [&](const Line& line) {
    std::string text = text_of(line, screen.columns);
    out += "\x1b[2K" + text.substr(0, std::max<size_t>(1, screen.columns) - 1) + "\r\n";
  };
  auto leaves = [&](const Line& line) { return line.finished; };
  auto stay = std::find_if_not(state.lines.begin(), state.lines.end(), leaves);
  if (static_cast<size_t>(state.lines.end() - stay) > reachable || last) {
    stay = std::stable_partition(state.lines.begin(), state.lines.end(), leaves);
  }
  std::for_each(state.lines.begin(), stay, print);
  state.lines.erase(state.lines.begin(), stay);
  state.drawn = std::min(state.lines.size(), reachable);
  std::for_each(state.lines.begin(), state.lines.begin() + static_cast<ptrdiff_t>(state.drawn),
                print);
  output_.write(out + "\x1b[0J");
  if (last) state.drawn = 0;
}

}  // namespace strata::cli
