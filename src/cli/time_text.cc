// SPDX-License-Identifier: Apache-2.0
#include "cli/time_text.h"

#include <fmt/format.h>

#include <ctime>
#include <mutex>

#include "oci/go_time.h"

namespace strata::cli {
namespace {

struct Zone {
  int32_t offset_seconds;
  std::string name;
};

Zone local_zone(int64_t unix_seconds) {
  std::time_t time = unix_seconds;
  std::tm local{};
  // The name is a text of the C library's, which another thread's call may be about to extend.
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  localtime_r(&time, &local);
  return {static_cast<int32_t>(local.tm_gmtoff), local.tm_zone ? local.tm_zone : ""};
}

// "+0900", "-0330"
std::string offset_text(int32_t seconds, std::string_view between) {
  int32_t minutes = (seconds < 0 ? -seconds : seconds) / 60;
  return fmt::format("{}{:02}{}{:02}", seconds < 0 ? '-' : '+', minutes / 60, between,
                     minutes % 60);
}

// "2026-11-21" and "20:01:07" of the instant in a zone `offset_seconds` east.
std::string date_and_clock(int64_t unix_seconds, int32_t offset_seconds, char between) {
  std::time_t shifted = unix_seconds + offset_seconds;
  std::tm parts{};
  gmtime_r(&shifted, &parts);
  return fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, between, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string fraction_text(int32_t nanoseconds) {
  if (nanoseconds == 0) return {};
  std::string digits = fmt::format(".{:09}", nanoseconds);
  return digits.substr(0, digits.find_last_not_of('0') + 1);
}

}  // namespace

std::string local_time_string(int64_t unix_seconds) {
  Zone zone = local_zone(unix_seconds);
  return fmt::format("{} {} {}", date_and_clock(unix_seconds, zone.offset_seconds, ' '),
                     offset_text(zone.offset_seconds, ""), zone.name);
}

std::string local_rfc3339(int64_t unix_seconds) {
  Zone zone = local_zone(unix_seconds);
  return date_and_clock(unix_seconds, zone.offset_seconds, 'T') +
         (zone.offset_seconds == 0 ? "Z" : offset_text(zone.offset_seconds, ":"));
}

std::string go_time_string(std::string_view rfc3339) {
  Result<oci::Time> time = oci::parse_time(rfc3339);
  if (!time.ok()) return std::string(rfc3339);
  Zone zone{time->offset_seconds, offset_text(time->offset_seconds, "")};
  if (rfc3339.ends_with('Z')) {
    zone.name = "UTC";
  } else if (Zone local = local_zone(time->seconds); local.offset_seconds == zone.offset_seconds) {
    zone.name = local.name;
  }
  return fmt::format("{}{} {} {}", date_and_clock(time->seconds, zone.offset_seconds, ' '),
                     fraction_text(time->nanoseconds), offset_text(zone.offset_seconds, ""),
                     zone.name);
}

}  // namespace strata::cli
