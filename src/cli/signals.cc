// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

#include "base/interrupt.h"

namespace strata::cli {
namespace {

std::atomic<int> first_signal{0};
std::atomic<Pool*> watched_pool{nullptr};
std::atomic<int> pipe_for_signals{-1};
constexpr int kMoreSignals[] = {SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};
static_assert(std::atomic<Pool*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void on_signal(int number) {
  if (const int pipe = pipe_for_signals.load(); pipe >= 0) {
    const int kept = errno;
    const auto byte = static_cast<unsigned char>(number);
    (void)!::write(pipe, &byte, 1);
    errno = kept;
    return;
  }
  int none = 0;
  if (!first_signal.compare_exchange_strong(none, number)) ::_exit(128 + number);
  interrupt();
  if (Pool* pool = watched_pool.load()) pool->cancel();
}

// nohup, and a shell's `&`: who starts us so wants us to live.
bool is_ignored(int number) {
  struct sigaction now {};
  return sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

void handle_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  // No SA_RESTART: what waits for a terminal or a pipe looks up.
  prepare_interrupts();
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    if (number == SIGTERM || !is_ignored(number)) sigaction(number, &action, nullptr);
  }
  std::signal(SIGPIPE, SIG_IGN);
}

void stop_at_signal(Pool* pool) {
  watched_pool.store(pool);
  if (pool != nullptr && first_signal.load() != 0) pool->cancel();
}

SignalPipe::SignalPipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return;
  reader_ = Fd(ends[0]);
  writer_ = Fd(ends[1]);
  pipe_for_signals.store(writer_.get());
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (int number : kMoreSignals) sigaction(number, &action, nullptr);
}

SignalPipe::~SignalPipe() {
  for (int number : kMoreSignals) std::signal(number, SIG_DFL);
  pipe_for_signals.store(-1);
}

int received_signal() { return first_signal.load(); }

}  // namespace strata::cli
