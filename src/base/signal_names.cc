// SPDX-License-Identifier: Apache-2.0
#include "base/signal_names.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <string>

namespace strata {
namespace {

// What docker takes: the kernel's range, of which the C library keeps two for itself.
constexpr int kLastSignal = 64;
constexpr int kFirstRealTime = 34;

int number_in(std::string_view text) {
  int number = 0;
  const char* end = text.data() + text.size();
  auto [stop, failure] = std::from_chars(text.data(), end, number);
  return failure == std::errc() && stop == end ? number : -1;
}

// "RTMIN", "RTMIN+3", "RTMAX-2"; -1 for what is none.
int real_time_signal(std::string_view name) {
  const bool from_last = name.starts_with("RTMAX");
  if (!from_last && !name.starts_with("RTMIN")) return -1;
  name.remove_prefix(5);
  if (name.empty()) return from_last ? kLastSignal : kFirstRealTime;
  if (name.front() != (from_last ? '-' : '+')) return -1;
  const int offset = number_in(name.substr(1));
  if (offset < 0) return -1;
  return from_last ? kLastSignal - offset : kFirstRealTime + offset;
}

int named_signal(std::string_view name) {
  if (name == "CLD") return SIGCHLD;
  for (int number = 1; number < 32; ++number) {
    const char* known = ::sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  return -1;
}

}  // namespace

Result<int> parse_signal(std::string_view text) {
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  std::string_view bare = name;
  if (bare.starts_with("SIG")) bare.remove_prefix(3);
  int number = number_in(text);
  if (number < 0) number = named_signal(bare);
  if (number < 0) number = real_time_signal(bare);
  if (number < 1 || number > kLastSignal) {
    return error(ErrorCode::kInvalid, "Invalid signal: {}", text);
  }
  return number;
}

}  // namespace strata
