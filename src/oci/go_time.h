// SPDX-License-Identifier: Apache-2.0
// Instants as Go's time.Time writes and reads them in JSON: RFC 3339 with up to nine digits of
// fraction, trailing zeros dropped, and the zone they were written in.
// Source: Go's time package (RFC3339Nano); FORMATS sections 1.2 and 7.1.
// Threads: values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::oci {

struct Time {
  // Go's zero time, 0001-01-01T00:00:00Z: what an absent "created" means.
  static constexpr int64_t kZeroSeconds = -62135596800;

  int64_t seconds = kZeroSeconds;  // since 1970-01-01T00:00:00Z
  int32_t nanoseconds = 0;         // 0 to 999,999,999
  int32_t offset_seconds = 0;      // zone east of UTC; only the text depends on it

  bool is_zero() const { return seconds == kZeroSeconds && nanoseconds == 0; }
  // Two times are equal when they are the same instant, whatever their zones.
  std::strong_ordering operator<=>(const Time& other) const {
    if (auto order = seconds <=> other.seconds; order != 0) return order;
    return nanoseconds <=> other.nanoseconds;
  }
  bool operator==(const Time& other) const { return (*this <=> other) == 0; }
};

// Reads "2026-11-21T17:18:33.65850896Z" or the like with "+09:00". Digits of the fraction beyond
// nine are dropped.
// Errors: kInvalid with the words of Go's time.Parse.
Result<Time> parse_time(std::string_view text);
// The same for the JSON text of a value, quotes included: Go's messages show them.
Result<Time> parse_json_time(std::string_view json);

// The RFC3339Nano form in the time's own zone.
std::string format_time(const Time& time);

// The time in seconds that docker gives a file for this one: 0 for what is before 1970, or beyond the
// nanoseconds of an int64 (moby, pkg/system, Chtimes).
int64_t file_seconds(const Time& time);

// The system's clock, in UTC.
Time current_time();

}  // namespace strata::oci
