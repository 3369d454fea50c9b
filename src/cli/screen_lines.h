// SPDX-License-Identifier: Apache-2.0
// ScreenLines: lines at the end of a terminal that are redrawn in place, at most ten times a second.
// Threads: one at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::cli {

struct ScreenSize {
  size_t columns = 80;
  size_t rows = 24;
};

struct ScreenOutput {
  std::function<void(std::string_view)> write;
  std::function<ScreenSize()> size;  // only for what is redrawn
  std::function<std::chrono::steady_clock::time_point()> now;
};

constexpr auto kRedrawInterval = std::chrono::milliseconds(100);

class ScreenLines {
 public:
  // Redraws the lines that can still change; `text_of(line, columns)` is what one shows, and is cut
  // where the screen ends. A line leaves `lines`, printed for good, when it `is_final()` and all
  // above it are; or when there are more lines than the screen has, because the cursor cannot go
  // back to what has scrolled away. `last`: what is drawn stays as it is.
  template <typename Line, typename TextOf>
  void draw(std::vector<Line>& lines, const ScreenOutput& output, bool last, TextOf text_of) {
    if (lines.empty() && drawn_ == 0) return;
    const auto now = output.now();
    if (!last && now - drawn_at_ < kRedrawInterval) return;
    drawn_at_ = now;
    const ScreenSize screen = output.size();
    const size_t reachable = std::max<size_t>(2, screen.rows) - 1;
    std::string out = drawn_ > 0 ? "\x1b[" + std::to_string(drawn_) + "A" : "";
    auto print = [&](const Line& line) {
      std::string text = text_of(line, screen.columns);
      out += "\x1b[2K" + text.substr(0, std::max<size_t>(1, screen.columns) - 1) + "\r\n";
    };
    auto is_final = [](const Line& line) { return line.is_final(); };
    auto stay = std::find_if_not(lines.begin(), lines.end(), is_final);
    if (static_cast<size_t>(lines.end() - stay) > reachable || last) {
      stay = std::stable_partition(lines.begin(), lines.end(), is_final);
    }
    std::for_each(lines.begin(), stay, print);
    lines.erase(lines.begin(), stay);
    drawn_ = std::min(lines.size(), reachable);
    std::for_each(lines.begin(), lines.begin() + static_cast<ptrdiff_t>(drawn_), print);
    output.write(out + "\x1b[0J");
    if (last) drawn_ = 0;
  }

 private:
  size_t drawn_ = 0;  // lines on the screen that can still be reached
  std::chrono::steady_clock::time_point drawn_at_{};
};

}  // namespace strata::cli
