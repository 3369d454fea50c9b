// SPDX-License-Identifier: Apache-2.0
// Guarded<T>: data inside its mutex, so that it cannot be touched without the lock.
//
//   Guarded<std::map<...>> seen;
//   { auto locked = seen.lock(); locked->insert(...); }
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace strata {

template <typename T>
class Guarded {
 public:
  class Locked {
   public:
    T* operator->() { return &owner_.value_; }
    T& operator*() { return owner_.value_; }
    // Gives the lock back until `condition` is notified and `ready` holds.
    template <typename Ready>
    void wait(std::condition_variable& condition, Ready ready) {
      condition.wait(lock_, std::move(ready));
    }
    // The same, but not longer than `limit`. Returns whether `ready` holds.
    template <typename Ready>
    bool wait_for(std::condition_variable& condition, std::chrono::milliseconds limit,
                  Ready ready) {
      return condition.wait_for(lock_, limit, std::move(ready));
    }

   private:
    friend class Guarded;
    explicit Locked(Guarded& owner) : owner_(owner), lock_(owner.mutex_) {}
    Guarded& owner_;
    std::unique_lock<std::mutex> lock_;
  };

  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}
  Locked lock() { return Locked(*this); }

 private:
  std::mutex mutex_;
  T value_{};
};

}  // namespace strata
