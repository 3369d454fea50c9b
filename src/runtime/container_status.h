// SPDX-License-Identifier: Apache-2.0
// What a container is doing, as of now: its record says what was, and may be older than a kill.
// Threads: functions without state.
#pragma once

#include <string>

#include "oci/go_time.h"
#include "runtime/container_record.h"

namespace strata::runtime {

struct ContainerStatus {
  bool running = false;
  bool paused = false;
  bool dead = false;
  int64_t pid = 0;        // of the program, as the host sees it; 0 when it does not run
  int64_t exit_code = 0;  // of the last run; 137 when strata was killed
  std::string failure;    // why it could not be started
  oci::Time started;      // zero: never
  oci::Time finished;
  // docker's word: created, running, paused, dead, exited.
  std::string_view word() const;
};

// Errors: kCorrupt.
Result<ContainerStatus> status_of(const store::Store& store, const ContainerRecord& record);

// Whether the process is one of this container, which a dockerd has left running (live-restore).
bool is_process_of(int64_t pid, const std::string& container_id);

}  // namespace strata::runtime
