// SPDX-License-Identifier: Apache-2.0
#include "cli/go_print.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "cli/time_text.h"

namespace strata::cli {
namespace {

using Kind = Value::Kind;

}  // namespace

std::string go_text(const Value& value) {
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kNil:
      return "<nil>";
    case Kind::kBool:
      return value.as_bool() ? "true" : "false";
    case Kind::kInt:
      return fmt::format("{}", value.as_int());
    case Kind::kFloat:
      return go_float(value.as_float());
    case Kind::kDuration:
      return go_duration(value.as_int());
    case Kind::kNumber:
    case Kind::kString:
      return value.text();
    case Kind::kTime:
      return go_time_string(value.text());
    case Kind::kList:
      return go_joined(value.as_list(), go_text);
    case Kind::kMap:
      return go_joined(value.as_map(), go_text);
    case Kind::kRecord:
      return value.as_record().text();
  }
  return {};
}

std::string go_joined(const Value::List& list, const PrintValue& print) {
  std::string text;
  for (const Value& item : list.items) {
    if (&item != list.items.data()) text += ' ';
    text += print(item);
  }
  return "[" + text + "]";
}

std::string go_joined(const Value::Map& map, const PrintValue& print) {
  std::string text;
  for (const auto& [key, item] : map.entries) {
    if (!text.empty()) text += ' ';
    text += print(Value::string(key)) + ":" + print(item);
  }
  return "map[" + text + "]";
}

std::string go_sprint(std::span<const Value> values) {
  std::string text;
  for (size_t i = 0; i < values.size(); ++i) {
    bool spaced =
        i > 0 && values[i].kind() != Kind::kString && values[i - 1].kind() != Kind::kString;
    text += (spaced ? " " : "") + go_text(values[i]);
  }
  return text;
}

std::string go_sprintln(std::span<const Value> values) {
  std::string text;
  for (size_t i = 0; i < values.size(); ++i) text += (i > 0 ? " " : "") + go_text(values[i]);
  return text + "\n";
}

std::string go_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  if (value == 0) return std::signbit(value) ? "-0" : "0";
  constexpr int kFixedDigits = 6;  // from 1e+06 on Go writes an exponent
  std::array<char, 64> digits;
  auto shortest = std::to_chars(digits.begin(), digits.end(), value, std::chars_format::scientific);
  std::string_view scientific(digits.data(), static_cast<size_t>(shortest.ptr - digits.data()));
  int exponent = 0;
  size_t at = scientific.find('e') + (scientific.find("e+") != scientific.npos ? 2 : 1);
  std::from_chars(scientific.data() + at, scientific.data() + scientific.size(), exponent);
  if (exponent < -4 || exponent >= kFixedDigits) return std::string(scientific);
  return fmt::format("{}", value);
}

}  // namespace strata::cli
