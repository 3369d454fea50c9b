// SPDX-License-Identifier: Apache-2.0
// What the doctor's commands print of findings.
// Threads: CheckProgress: one at a time; the functions have no state.
#pragma once

#include <chrono>

#include "cli/command.h"
#include "cli/value.h"
#include "doctor/check.h"
#include "doctor/repair.h"

namespace strata::cli {

// "    expected  text" and a line break; nothing for an empty text.
std::string row(std::string_view name, std::string_view text);
// One finding: what, where, expected and found, who is affected; with a line break at its end.
std::string text_of(const doctor::Finding& finding);
// All of a report: findings, worst first, a summary, and what to do next.
std::string text_of(const doctor::CheckOptions& options, const doctor::CheckReport& report);
// What to type for such a repair.
std::string repair_command(const doctor::RepairOptions& options);
// What to type to see what a purge would remove.
std::string purge_command(const std::string& root);
// "error record-damaged image/overlay2/…", a line for each.
std::string lines_of(const doctor::CheckReport& report);
// For templates and JSON, which can hold no bytes that are not UTF-8: PathBytes has those of such a path.
Value value_of(const doctor::Finding& finding);
Value value_of(const std::string& root, const doctor::CheckReport& report);

// How much of the content has been read: one line on a terminal, redrawn in place; nothing elsewhere.
class CheckProgress {
 public:
  explicit CheckProgress(Context& context) : context_(context) {}
  void show(uint64_t done_bytes, uint64_t total_bytes);
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  Context& context_;
  Clock::time_point shown_{};
  bool drawn_ = false;
};

}  // namespace strata::cli
