// SPDX-License-Identifier: Apache-2.0
// Pool: the worker threads of one process, and the word that everybody should stop.
// Tasks are short and never wait for other tasks; the long-lived stages of a pipeline have threads
// of their own (Stage).
// Threads: every method may be called from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/guarded.h"
#include "base/result.h"

namespace strata {

class Pool {
 public:
  explicit Pool(unsigned jobs);  // at least 1
  ~Pool();                       // runs what is queued, then joins
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  unsigned jobs() const { return static_cast<unsigned>(threads_.size()); }

  // Queues a task. Waits while more than a fixed number of tasks are queued, so that a fast
  // producer cannot outrun memory; never called from within a task.
  void run(std::function<void()> task);

  // Runs body(0) ... body(count-1) on the workers and the calling thread, and waits for all of
  // them. The error is that of the lowest index that failed, whatever the timing; indices behind a
  // failed one may not have run.
  Status parallel_for(size_t count, const std::function<Status(size_t)>& body);

  // From now on cancelled() holds. Long loops ask for it and return kCancelled. May be called in a
  // signal handler.
  void cancel();
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  Status check_cancelled() const {
    return cancelled() ? Status(Error(ErrorCode::kCancelled, "interrupted")) : Status();
  }
  // Readable once cancelled() holds: for those who wait in poll. Borrowed; -1 where the system had
  // none to give.
  int cancelled_fd() const { return cancelled_fd_.get(); }

 private:
  struct State {
    std::deque<std::function<void()>> tasks;
    bool stopping = false;
  };
  void work();

  Guarded<State> state_;
  std::condition_variable work_available_;
  std::condition_variable space_available_;
  std::atomic<bool> cancelled_{false};
  Fd cancelled_fd_;
  std::vector<std::thread> threads_;
};

// Tasks of a pool that somebody waits for, added while the first of them run already. Not from
// within a task. wait() must be called before destruction.
class TaskGroup {
 public:
  explicit TaskGroup(Pool& pool) : pool_(pool) {}
  TaskGroup(const TaskGroup&) = delete;

  void run(std::function<Status()> task);
  // Waits for all of them. The error is that of the task that was added first among those that
  // failed.
  Status wait();

 private:
  struct State {
    size_t running = 0;
    size_t failed_index = 0;
    std::optional<Error> failure;
  };
  Pool& pool_;
  size_t added_ = 0;
  Guarded<State> state_;
  std::condition_variable idle_;
};

// A thread that runs one stage of a pipeline and ends with a Status. join() must be called before
// destruction.
class Stage {
 public:
  Stage() = default;
  explicit Stage(std::function<Status()> body);
  Stage(Stage&&) = delete;
  ~Stage();

  void start(std::function<Status()> body);
  // Waits for the end and returns what the body returned; {} when it was never started.
  Status join();

 private:
  Status result_;
  std::thread thread_;
};

// Runs body(0) ... body(count-1), begun in this order, on at most `lanes` threads of their own: for
// bodies that wait (for a pipeline, for tasks of a pool). After a failure no new ones begin. The
// error is that of the lowest index.
Status run_in_lanes(size_t lanes, size_t count, const std::function<Status(size_t)>& body);

}  // namespace strata
