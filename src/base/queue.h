// SPDX-License-Identifier: Apache-2.0
// BoundedQueue<T>: hands values from one stage of a pipeline to the next, and stops both when
// either fails.
// Threads: one or more producers, one or more consumers.
#pragma once

#include <condition_variable>
#include <deque>
#include <optional>

#include "base/guarded.h"

namespace strata {

template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  // Waits for space. False: the consumer has gone (abandon), the value is dropped and the producer
  // should end.
  bool push(T value) {
    {
      auto state = state_.lock();
      state.wait(space_, [&] { return state->values.size() < capacity_ || state->abandoned; });
      if (state->abandoned) return false;
      state->values.push_back(std::move(value));
    }
    filled_.notify_one();
    return true;
  }

  // Waits for a value. Empty: the producer has closed and everything was taken, or the queue was
  // abandoned.
  std::optional<T> pop() {
    std::optional<T> value;
    {
      auto state = state_.lock();
      state.wait(filled_,
                 [&] { return !state->values.empty() || state->closed || state->abandoned; });
      if (state->abandoned || state->values.empty()) return std::nullopt;
      value = std::move(state->values.front());
      state->values.pop_front();
    }
    space_.notify_one();
    return value;
  }

  // The producer's end: nothing more will come.
  void close() {
    state_.lock()->closed = true;
    filled_.notify_all();
  }

  // Either side's end after a failure: what is queued is dropped, push and pop return at once.
  void abandon() {
    {
      auto state = state_.lock();
      state->abandoned = true;
      state->values.clear();
    }
    filled_.notify_all();
    space_.notify_all();
  }

 private:
  struct State {
    std::deque<T> values;
    bool closed = false;
    bool abandoned = false;
  };
  const size_t capacity_;
  Guarded<State> state_;
  std::condition_variable space_;
  std::condition_variable filled_;
};

}  // namespace strata
