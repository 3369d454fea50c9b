// SPDX-License-Identifier: Apache-2.0
// What pull shows while it works, one line for each layer, in docker's words:
//   terminal  "ef68f6734aa4: Downloading [=====>   ]  11.2MB/58.44MB", redrawn in place
//   plain     "ef68f6734aa4: Pull complete": each state but those with a bar, when it begins
//   json      {"status":"Downloading","progressDetail":{...},"progress":"[==>  ] …","id":"…"}
// Source:  FORMATS section 10, and the stream of docker's API.
// Threads: any thread may report; one lock, and at most ten redraws a second.
#pragma once

#include <vector>

#include "base/guarded.h"
#include "cli/progress.h"
#include "registry/pull.h"

namespace strata::cli {

class PullDisplay final : public registry::PullWatcher {
 public:
  PullDisplay(ProgressMode mode, ScreenOutput output) : mode_(mode), output_(std::move(output)) {}

  void pull_started(const std::string& what, const std::string& path) override;
  void layer_listed(const Digest& blob, bool is_here) override;
  void blob_waits(const Digest& blob) override;
  void blob_arrived(const Digest& blob, uint64_t bytes, uint64_t total_bytes) override;
  void blob_read(const Digest& blob, uint64_t bytes, uint64_t total_bytes) override;
  void blob_verified(const Digest& blob) override;
  void layer_unpacked(const Digest& blob) override;
  // Draws the last state; the cursor is below all lines. Before other output to the same terminal.
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Stage {  // in the order in which a layer passes them
    kListed,
    kWaiting,
    kDownloading,
    kVerifying,
    kDownloaded,
    kExtracting,
    kComplete,
    kHere,
  };
  struct Line {
    Digest blob;
    Stage stage = Stage::kListed;
    uint64_t bytes = 0;
    uint64_t total_bytes = 0;
    Clock::time_point shown{};
    bool is_final() const { return stage >= Stage::kComplete; }
  };
  struct State {
    std::vector<Line> lines;
    ScreenLines screen;
  };

  static std::string_view text_of(Stage stage);
  static bool has_bar(Stage stage);
  std::string text_of(const Line& line, size_t columns) const;
  // Only onwards: what is told late changes nothing.
  void advance(const Digest& blob, Stage stage, uint64_t bytes, uint64_t total_bytes);
  void report(Line& line, bool is_new_stage);
  void draw(State& state, bool last);

  const ProgressMode mode_;
  const ScreenOutput output_;
  Guarded<State> state_;
};

}  // namespace strata::cli
