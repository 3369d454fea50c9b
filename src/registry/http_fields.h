// SPDX-License-Identifier: Apache-2.0
// The values of HTTP headers that registries speak in.
// Shape:   the grammars stand in http_fields.cc.
// Source:  RFC 9110 (challenges, Retry-After, Content-Range), RFC 8288 (Link).
// Threads: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::registry {

// One way to prove who one is: `Bearer realm="https://…",service="…",scope="…"`.
struct Challenge {
  std::string scheme;                         // lower case: "bearer", "basic"
  std::map<std::string, std::string> values;  // names in lower case; the first of a name counts

  // Empty if it is not there.
  std::string value(const std::string& name) const;
};

// All challenges of one WWW-Authenticate header. What is malformed ends the list; what stood before
// it counts.
std::vector<Challenge> parse_challenges(std::string_view header);

// The target of the link with that relation ("next"); none if there is none.
std::optional<std::string> find_link(std::string_view header, std::string_view relation);

// How long to wait: seconds, or a date as seen from `now`. None when it is neither; never negative.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view header,
                                                      std::chrono::system_clock::time_point now);

// `bytes 5-9/100`, `bytes 5-9/*`, `bytes */100`.
struct ContentRange {
  std::optional<uint64_t> first;  // both or none
  std::optional<uint64_t> last;
  std::optional<uint64_t> total;
};
std::optional<ContentRange> parse_content_range(std::string_view header);

// Digits only, no overflow.
std::optional<uint64_t> parse_length(std::string_view digits);

// A strong entity tag, with its quotes; empty for a weak one and for anything else.
std::string strong_validator(std::string_view etag);

}  // namespace strata::registry
