// SPDX-License-Identifier: Apache-2.0
// RunFolder: what one running program keeps on disk: the runtime's bundle and state.
// Shape:   <state>/<id>.lock         exclusively locked (flock) as long as the run lives
//          <state>/<id>/config.json  and etc-files, the runtime's log and state
//          It lies below the data root, not in /run: whoever opens the root finds it, also from another
//          mount namespace, and after another boot it is found dead like any other.
// Threads: one at a time. Other processes: the lock says who lives.
// Crash:   a folder whose lock can be had is dead; the next run removes it and its cgroup.
#pragma once

#include <optional>
#include <string>

#include "base/lock.h"

namespace strata::runtime {

class RunFolder {
 public:
  // Errors: kConflict when a run of that id lives.
  static Result<RunFolder> create(const Fd& state, const std::string& id);
  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();  // removes; what cannot be removed now is dead, and found by the next

  const Fd& folder() const { return folder_; }
  // The cgroup and the folder. The program has ended.
  Status remove();

 private:
  RunFolder(const Fd& state, std::string id, FileLock lock)
      : state_(&state), id_(std::move(id)), lock_(std::move(lock)) {}

  const Fd* state_;
  std::string id_;  // empty: removed or moved from
  std::optional<FileLock> lock_;
  Fd folder_;
};

// Removes what dead runs left. Processes that the kernel is ending just now are waited for; what is
// in use after some seconds stays for the next time.
Status remove_dead_runs(const Fd& state);
// True when a run of that id lives.
Result<bool> run_lives(const Fd& state, const std::string& id);
// Waits until no run of that id lives.
Status wait_for_run(const Fd& state, const std::string& id);

}  // namespace strata::runtime
