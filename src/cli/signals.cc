// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace strata::cli {
namespace {

std::atomic<int> first_signal{0};
std::atomic<Pool*> watched_pool{nullptr};
static_assert(std::atomic<Pool*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void on_signal(int number) {
  int none = 0;
  if (!first_signal.compare_exchange_strong(none, number)) ::_exit(128 + number);
  if (Pool* pool = watched_pool.load()) pool->cancel();
}

}  // namespace

void handle_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  // No SA_RESTART: what waits for a terminal or a pipe looks up.
  for (int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void stop_at_signal(Pool* pool) {
  watched_pool.store(pool);
  if (pool != nullptr && first_signal.load() != 0) pool->cancel();
}

int received_signal() { return first_signal.load(); }

}  // namespace strata::cli
