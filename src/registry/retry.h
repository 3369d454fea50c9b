// SPDX-License-Identifier: Apache-2.0
// Requests that are sent again: after a lost connection, a 5xx, or a 429 that says when.
// Threads: any.
#pragma once

#include <functional>

#include "base/guarded.h"
#include "registry/http.h"

namespace strata::registry {

// No server makes us wait longer than this; one that asks for more gets its answer reported.
inline constexpr std::chrono::seconds kMaxRetryWait{60};
// Nobody is told of shorter waits.
inline constexpr std::chrono::seconds kShortWait{3};

class Retrier {
 public:
  Retrier(const ClientOptions& options, const Pool& pool) : options_(options), pool_(pool) {}

  // Calls `send` up to options.attempts times, at most `most` of them (0: no such limit), with
  // waits that double. `begun` says whether the answer's body has reached a sink: then nothing is
  // repeated. A `sink` that is not wanted any more ends the waits. Errors: those of `send`,
  // kCancelled.
  Result<HttpResponse> perform(const std::function<Result<HttpResponse>()>& send,
                               const bool* begun = nullptr, unsigned most = 0,
                               const HttpSink* sink = nullptr) const;
  // Whether such an end is worth another attempt.
  static bool is_transient(const Result<HttpResponse>& result);
  static bool is_transient_status(int status);
  // Waits before attempt number `attempt` + 1 (the first is 1).
  Status wait(unsigned attempt, const HttpSink* sink = nullptr) const;
  Status sleep(std::chrono::milliseconds time, const HttpSink* sink = nullptr) const;
  unsigned attempts() const { return options_.attempts; }

 private:
  // Once for all requests that wait at the same time.
  void tell_of_wait(const HttpResponse& answer, std::chrono::seconds time) const;

  const ClientOptions& options_;
  const Pool& pool_;
  mutable Guarded<std::chrono::steady_clock::time_point> told_until_;
};

}  // namespace strata::registry
