// SPDX-License-Identifier: Apache-2.0
// Timer: one line per step, always built in; --timings prints the table to stderr at the end.
//   Timer timer("index archive");
// Threads: any.
#pragma once

#include <chrono>
#include <string>

namespace strata {

class Timer {
 public:
  explicit Timer(const char* step) : step_(step), begin_(std::chrono::steady_clock::now()) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // All steps so far, in order of first use: name, number of times, total milliseconds of wall
  // clock.
  static std::string table();

 private:
  const char* step_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace strata
