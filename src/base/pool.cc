// SPDX-License-Identifier: Apache-2.0
#include "base/pool.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace strata {
namespace {

constexpr size_t kQueuedTasksPerThread = 64;

// What the workers of one parallel_for share.
struct ForState {
  size_t count;
  const std::function<Status(size_t)>& body;
  std::atomic<size_t> next{0};
  std::atomic<size_t> first_failed;
  struct Outcome {
    size_t running = 0;
    std::optional<Error> failure;
    size_t failed_index = 0;
  };
  Guarded<Outcome> outcome;
  std::condition_variable idle;

  ForState(size_t n, const std::function<Status(size_t)>& f) : count(n), body(f), first_failed(n) {}

  void work() {
    while (true) {
      size_t index = next.fetch_add(1);
      if (index >= count || index > first_failed.load()) return;
      Status status = body(index);
      if (status.ok()) continue;
      auto locked = outcome.lock();
      if (!locked->failure || index < locked->failed_index) {
        locked->failure = std::move(status).error();
        locked->failed_index = index;
        first_failed.store(index);
      }
    }
  }
};

}  // namespace

Pool::Pool(unsigned jobs) : cancelled_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  for (unsigned i = 0; i < std::max(1u, jobs); ++i) threads_.emplace_back([this] { work(); });
}

Pool::~Pool() {
  state_.lock()->stopping = true;
  work_available_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Pool::cancel() {
  cancelled_.store(true, std::memory_order_relaxed);
  const int kept = errno;  // of what a signal interrupts
  (void)!::eventfd_write(cancelled_fd_.get(), 1);
  errno = kept;
}

void Pool::run(std::function<void()> task) {
  {
    auto state = state_.lock();
    state.wait(space_available_,
               [&] { return state->tasks.size() < kQueuedTasksPerThread * threads_.size(); });
    state->tasks.push_back(std::move(task));
  }
  work_available_.notify_one();
}

void Pool::work() {
  while (true) {
    std::function<void()> task;
    {
      auto state = state_.lock();
      state.wait(work_available_, [&] { return !state->tasks.empty() || state->stopping; });
      if (state->tasks.empty()) return;
      task = std::move(state->tasks.front());
      state->tasks.pop_front();
    }
    space_available_.notify_one();
    task();
  }
}

Status Pool::parallel_for(size_t count, const std::function<Status(size_t)>& body) {
  // Helpers that start late find nothing left and return; `state` lives until the last of them has
  // gone.
  auto state = std::make_shared<ForState>(count, body);
  size_t helpers = std::min<size_t>(count > 0 ? count - 1 : 0, threads_.size());
  state->outcome.lock()->running = helpers;
  for (size_t i = 0; i < helpers; ++i) {
    run([state] {
      state->work();
      bool last = --state->outcome.lock()->running == 0;
      if (last) state->idle.notify_all();
    });
  }
  state->work();
  auto outcome = state->outcome.lock();
  outcome.wait(state->idle, [&] { return outcome->running == 0; });
  if (outcome->failure) return std::move(*outcome->failure);
  return {};
}

void TaskGroup::run(std::function<Status()> task) {
  ++state_.lock()->running;
  pool_.run([this, index = added_++, task = std::move(task)]() mutable {
    Status status = task();
    task = nullptr;  // what it holds may be of use only as long as somebody waits
    auto state = state_.lock();
    --state->running;
    if (!status.ok() && (!state->failure || index < state->failed_index)) {
      state->failure = std::move(status).error();
      state->failed_index = index;
    }
    idle_.notify_all();  // under the lock: whoever waits may take the group away at once
  });
}

Status TaskGroup::wait() {
  auto state = state_.lock();
  state.wait(idle_, [&] { return state->running == 0; });
  if (state->failure) return *state->failure;
  return {};
}

Stage::Stage(std::function<Status()> body) { start(std::move(body)); }

Stage::~Stage() {
  if (thread_.joinable()) thread_.join();
}

void Stage::start(std::function<Status()> body) {
  thread_ = std::thread([this, run = std::move(body)] { result_ = run(); });
}

Status Stage::join() {
  if (thread_.joinable()) thread_.join();
  return std::move(result_);
}

Status run_in_lanes(size_t lanes, size_t count, const std::function<Status(size_t)>& body) {
  std::vector<Status> results(count);
  std::atomic<size_t> next{0};
  std::atomic<size_t> failed{count};  // the lowest index that failed
  std::vector<std::unique_ptr<Stage>> stages;
  for (size_t lane = 0; lane < std::min(lanes, count); ++lane) {
    stages.push_back(std::make_unique<Stage>([&]() -> Status {
      // What comes before a failure is begun all the same, or the error would depend on timing.
      for (size_t i = next++; i < failed; i = next++) {
        results[i] = body(i);
        if (results[i].ok()) continue;
        size_t lowest = failed;
        while (i < lowest && !failed.compare_exchange_weak(lowest, i)) {
        }
      }
      return {};
    }));
  }
  for (auto& stage : stages) STRATA_CHECK(stage->join());
  for (Status& result : results) STRATA_CHECK(std::move(result));
  return {};
}

}  // namespace strata
