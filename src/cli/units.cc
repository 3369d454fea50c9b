// SPDX-License-Identifier: Apache-2.0
#include "cli/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace strata::cli {
namespace {

// %.<digits>g as C and Go print it: no trailing zeros, an exponent when the number has more digits.
std::string significant(double value, int digits) { return fmt::format("{:.{}g}", value, digits); }

std::string scaled(double value, double base, std::span<const char* const> units, int digits) {
  size_t unit = 0;
  while (value >= base && unit + 1 < units.size()) {
    value /= base;
    ++unit;
  }
  return significant(value, digits) + units[unit];
}

}  // namespace

std::string human_size(double bytes, int digits) {
  static constexpr std::array kUnits{"B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
  return scaled(bytes, 1000, kUnits, digits);
}

std::string binary_size(double bytes) {
  static constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
  return scaled(bytes, 1024, kUnits, 4);
}

std::string human_duration(std::chrono::seconds age) {
  const int64_t seconds = age.count();
  const int64_t minutes = seconds / 60;
  // Rounded, not cut: 46 minutes are "About an hour" only from 60 minutes on, but 89.5 hours
  // are 90.
  const int64_t hours = static_cast<int64_t>(std::floor(static_cast<double>(seconds) / 3600 + 0.5));
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return fmt::format("{} seconds", seconds);
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return fmt::format("{} minutes", minutes);
  if (hours == 1) return "About an hour";
  if (hours < 48) return fmt::format("{} hours", hours);
  if (hours < 24 * 7 * 2) return fmt::format("{} days", hours / 24);
  if (hours < 24 * 30 * 2) return fmt::format("{} weeks", hours / 24 / 7);
  if (hours < 24 * 365 * 2) return fmt::format("{} months", hours / 24 / 30);
  return fmt::format("{} years", hours / 24 / 365);
}

}  // namespace strata::cli
