// SPDX-License-Identifier: Apache-2.0
// Progress of long work, one line for each layer:
//   terminal  "ef68f6734aa4: Loading layer [=====>   ]  11.2MB/58.44MB", redrawn in place
//             before that, for a stream: "Reading archive   123.4MB", which goes again
//   plain     "ef68f6734aa4: Loading layer 58.44MB/58.44MB" when a layer is done
//   json      {"status":"Loading layer","progressDetail":{...},"progress":"[==>  ] …","id":"…"}
// Source:  what docker draws (FORMATS section 10) and its API's stream.
// Threads: any thread may report; one lock, and at most ten redraws a second.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/progress.h"
#include "base/guarded.h"
#include "cli/screen_lines.h"

namespace strata::cli {

enum class ProgressMode { kNone, kPlain, kTerminal, kJson };

// "[====>    ]  11.2MB/58.44MB"; the bar only on screens with so many columns, as docker does.
// Without a total the bytes alone; nothing at all when neither is known.
constexpr size_t kColumnsWithBar = 111;
std::string progress_text(uint64_t done_bytes, uint64_t total_bytes, size_t columns);

// A line without a bar, of `id` or of the whole: "id: Pushed", with kJson
// {"status":"Pushed","progressDetail":{},"id":"…"}.
std::string status_line(ProgressMode mode, std::string_view status, std::string_view id = {});

class ProgressDisplay final : public archive::LoadProgress {
 public:
  // `status`: "Loading layer".
  ProgressDisplay(ProgressMode mode, std::string status, ScreenOutput output)
      : mode_(mode), status_(std::move(status)), output_(std::move(output)) {}
  // To a descriptor, which stays open until the display ends. Write errors are ignored: what is
  // shown does not decide over what is done.
  static ScreenOutput to_descriptor(int fd);

  void archive_advanced(uint64_t bytes_done, uint64_t total_bytes) override;
  void layer_started(const DiffId& layer, uint64_t total_bytes) override;
  void layer_advanced(const DiffId& layer, uint64_t bytes_done) override;
  void layer_finished(const DiffId& layer) override;
  // Draws the last state; the cursor is below all lines. Before other output to the same terminal.
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  struct Line {
    std::optional<DiffId> layer;  // none: the archive
    uint64_t done_bytes = 0;
    uint64_t total_bytes = 0;
    bool finished = false;
    Clock::time_point shown{};
    bool is_final() const { return finished; }
  };
  struct State {
    std::vector<Line> lines;  // in order of start; finished ones leave at the top
    ScreenLines screen;
  };

  static void remove_archive(State& state);
  Line* find(State& state, const DiffId& layer) const;
  std::string text_of(const Line& line, size_t columns) const;
  void report(Line& line);             // plain, json
  void draw(State& state, bool last);  // terminal

  const ProgressMode mode_;
  const std::string status_;
  const ScreenOutput output_;
  Guarded<State> state_;
};

}  // namespace strata::cli
