// SPDX-License-Identifier: Apache-2.0
#include "registry/retry.h"

#include <algorithm>
#include <thread>

#include "registry/http_fields.h"

namespace strata::registry {

bool Retrier::is_transient_status(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

bool Retrier::is_transient(const Result<HttpResponse>& result) {
  if (result.ok()) return is_transient_status(result->status);
  return result.error().code() == ErrorCode::kIo;
}

Status Retrier::sleep(std::chrono::milliseconds time, const HttpSink* sink) const {
  constexpr std::chrono::milliseconds kStep{50};
  for (; time.count() > 0; time -= kStep) {
    STRATA_CHECK(pool_.check_cancelled());
    if (sink != nullptr && !sink->is_wanted()) {
      return error(ErrorCode::kCancelled, "nobody waits for it any more");
    }
    std::this_thread::sleep_for(std::min(time, kStep));
  }
  return pool_.check_cancelled();
}

Status Retrier::wait(unsigned attempt, const HttpSink* sink) const {
  std::chrono::milliseconds time = options_.first_wait * (1u << std::min(attempt - 1, 10u));
  return sleep(std::min<std::chrono::milliseconds>(time, kMaxRetryWait), sink);
}

void Retrier::tell_of_wait(const HttpResponse& answer, std::chrono::seconds time) const {
  if (!options_.on_wait || time < kShortWait) return;
  auto told_until = told_until_.lock();
  const auto now = std::chrono::steady_clock::now();
  if (now < *told_until) return;
  *told_until = now + time;
  options_.on_wait(answer.url.authority(), time);
}

Result<HttpResponse> Retrier::perform(const std::function<Result<HttpResponse>()>& send,
                                      const bool* begun, unsigned most,
                                      const HttpSink* sink) const {
  unsigned attempts = most == 0 ? options_.attempts : std::min(most, options_.attempts);
  for (unsigned attempt = 1;; ++attempt) {
    Result<HttpResponse> result = send();
    if (attempt >= attempts || !is_transient(result) || (begun != nullptr && *begun)) {
      return result;
    }
    std::optional<std::chrono::seconds> asked;
    if (result.ok()) {
      asked = parse_retry_after(result->header("retry-after"), std::chrono::system_clock::now());
    }
    if (asked && *asked > kMaxRetryWait) return result;
    if (asked) tell_of_wait(*result, *asked);
    STRATA_CHECK(asked ? sleep(*asked, sink) : wait(attempt, sink));
  }
}

}  // namespace strata::registry
