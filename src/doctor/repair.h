// SPDX-License-Identifier: Apache-2.0
// repair: mends what check finds, with what is still there and what other places have.
// Threads: one call at a time per pool.
// Other processes: an exclusive lock as a dockerd's keeps all other writers away (root_lock.h).
// Crash:   a root is never worse than before; the next repair goes on. docs/doctor.md.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/pool.h"
#include "doctor/check.h"
#include "doctor/lost_found.h"
#include "doctor/plan.h"

namespace strata::doctor {

struct RepairOptions {
  std::string root;
  std::string driver = {};             // empty: the root's own
  bool dry_run = true;                 // plan only: reads, takes no lock, changes nothing
  bool content = false;                // compare the files of every layer too
  std::vector<std::string> from = {};  // places with other copies (layer_source.h)
  std::vector<std::string> lost = {};  // as in CheckOptions
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> on_progress = {};
};

struct RepairReport {
  std::vector<Remedy> planned;  // of a dry run: what can be mended
  std::vector<Remedy> mended;   // in the order in which it was done
  std::vector<Remedy> left;     // `reason` says what would be needed, or why it failed
  std::string kept;  // the folder below the root that has what was taken away; empty: nothing was
  bool failed = false;         // of `left`, something was tried in vain
  bool beside_daemon = false;  // of a dry run
  bool more_may_follow =
      false;  // of a dry run: a repair would look again, and may mend more than is planned
};

// Errors: only what keeps it from working at all: kBusy (who has the root), those of check() and of opening places, kCancelled,
// kNoSpace.
Result<RepairReport> repair(const RepairOptions& options, Pool& pool);

}  // namespace strata::doctor
