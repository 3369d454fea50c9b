// SPDX-License-Identifier: Apache-2.0
#include "base/timer.h"

#include <fmt/format.h>

#include <vector>

#include "base/guarded.h"

namespace strata {
namespace {

struct Row {
  std::string step;
  size_t times = 0;
  std::chrono::steady_clock::duration total{};
};

// The one piece of process-wide state: measurements, which nothing depends on.
Guarded<std::vector<Row>>& rows() {
  static Guarded<std::vector<Row>> all;
  return all;
}

}  // namespace

Timer::~Timer() {
  auto spent = std::chrono::steady_clock::now() - begin_;
  auto all = rows().lock();
  for (Row& row : *all) {
    if (row.step == step_) {
      ++row.times;
      row.total += spent;
      return;
    }
  }
  all->push_back({step_, 1, spent});
}

std::string Timer::table() {
  std::string text;
  auto all = rows().lock();
  for (const Row& row : *all) {
    double ms = std::chrono::duration<double, std::milli>(row.total).count();
    text += fmt::format("{:<36} {:>6} x {:>10.2f} ms\n", row.step, row.times, ms);
  }
  return text;
}

}  // namespace strata
