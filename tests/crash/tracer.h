// SPDX-License-Identifier: Apache-2.0
// Runs a program and all that it starts, and stops each thread at the system calls that touch
// certain folders, to do something to one of them.
// Threads: one; the caller's process must have no other children.
// Crash:   the traced programs are killed when the tracer ends.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "places.h"

namespace strata::crash {

// What becomes of a call that the program is about to make.
struct Verdict {
  enum class Act : uint8_t { kPass, kFail, kKill } act = Act::kPass;
  int error = 0;  // what a failing call says
};

using Judge = std::function<Verdict(const StoppedCall&)>;

class Tracer {
 public:
  // `judge` is asked at each call of one of the kinds, wherever it goes. One call at a time.
  Tracer(unsigned kinds, Judge judge) : kinds_(kinds), judge_(std::move(judge)) {}

  // Starts `words[0]`, found in PATH, and returns when it and everything below it has ended: its
  // exit code, or 128 + the signal. Errors: kIo when it cannot be traced.
  Result<int> run(const std::vector<std::string>& words);

 private:
  Status start(const std::vector<std::string>& words);
  Status follow();
  void handle_end(pid_t thread, int status);
  Status handle_stop(pid_t thread, int status);
  Status handle_call(pid_t thread);
  void kill_all();

  unsigned kinds_;
  Judge judge_;
  pid_t first_ = -1;
  int exit_code_ = -1;
  bool killing_ = false;
  std::set<pid_t> threads_;
};

}  // namespace strata::crash
