// SPDX-License-Identifier: Apache-2.0
// docker's lines of a push. Each layer ends with one line, in the order of the layers whatever the
// order in which they end; on a terminal bars are shown until then.
// Threads: any may report.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "cli/command.h"
#include "registry/push.h"

namespace strata::cli {

class PushDisplay final : public registry::PushProgress {
 public:
  // Lines go to `out`, bars and notes to standard error. Both are borrowed.
  PushDisplay(Context& context, Output& out, bool quiet);

  // A line of docker's, of a layer or of the whole.
  void say(std::string_view status, std::string_view id = {});
  void layers(const std::vector<DiffId>& top_first) override;
  void layer_advanced(const DiffId& layer, uint64_t bytes_done) override;
  void layer_done(const DiffId& layer, std::string_view status) override;
  void tag_done(const std::string& tag, const Digest& digest, uint64_t size_bytes) override;
  void note(const std::string& text) override;
  void close() { bars_.close(); }

 private:
  struct State {
    std::vector<DiffId> order;
    std::map<DiffId, std::string> done;
    std::set<DiffId> started;
    size_t printed = 0;
    std::string held;  // lines that wait for the bars to end
  };
  bool is_json() const { return context_.progress_mode() == ProgressMode::kJson; }
  std::string line_of(std::string_view status, std::string_view id) const;
  bool bars_shown() const { return context_.progress_mode() == ProgressMode::kTerminal; }
  void print(std::string_view text);
  void flush();

  Context& context_;
  Output& out_;
  const bool quiet_;
  ProgressDisplay bars_;
  Guarded<State> state_;
};

}  // namespace strata::cli
