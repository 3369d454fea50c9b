// SPDX-License-Identifier: Apache-2.0
#include "cli/go_print.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "cli/time_text.h"
#include "oci/json_cursor.h"

namespace strata::cli {
namespace {

using Kind = Value::Kind;

// Go asks Unicode's tables; these are the spaces and controls that occur in text.
bool is_printable(char32_t code) {
  return !((code >= 0x80 && code <= 0xa0) || code == 0xad || (code >= 0x2000 && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202f) || (code >= 0x205f && code <= 0x206f) ||
           code == 0x3000 || code == 0xfeff);
}

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

std::string go_quote(std::string_view text) {
  static constexpr std::string_view kEscaped = "\"\\\a\b\f\n\r\t\v";
  static constexpr std::string_view kNames = "\"\\abfnrtv";
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const size_t length = oci::utf8_length(rest);
    const char32_t code = code_point(rest);
    if (size_t found = kEscaped.find(text[at]); found != kEscaped.npos) {
      out += '\\';
      out += kNames[found];
    } else if (length == 0 || code < 0x20 || code == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
    } else if (!is_printable(code)) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(code));
    } else {
      out += rest.substr(0, length);
    }
    at += std::max<size_t>(1, length);
  }
  return out + "\"";
}

std::string go_duration(int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  uint64_t rest =
      nanoseconds < 0 ? 0 - static_cast<uint64_t>(nanoseconds) : static_cast<uint64_t>(nanoseconds);
  std::string sign = nanoseconds < 0 ? "-" : "";
  auto fraction = [](uint64_t value, uint64_t unit) {
    std::string digits =
        fmt::format("{:.9f}", static_cast<double>(value % unit) / static_cast<double>(unit));
    digits = digits.substr(1, digits.find_last_not_of('0'));
    return fmt::format("{}{}", value / unit, digits == "." ? "" : digits);
  };
  if (rest < 1000) return fmt::format("{}{}ns", sign, rest);
  if (rest < 1000'000) return fmt::format("{}{}µs", sign, fraction(rest, 1000));
  if (rest < 1000'000'000) return fmt::format("{}{}ms", sign, fraction(rest, 1000'000));
  uint64_t minutes = rest / 60'000'000'000;
  std::string seconds = fraction(rest % 60'000'000'000, 1000'000'000) + "s";
  if (minutes == 0) return sign + seconds;
  if (minutes < 60) return fmt::format("{}{}m{}", sign, minutes, seconds);
  return fmt::format("{}{}h{}m{}", sign, minutes / 60, minutes % 60, seconds);
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

char32_t code_point(std::string_view text) {
  char32_t code = static_cast<unsigned char>(text[0]);
  const size_t length = oci::utf8_length(text);
  if (length > 1) code &= 0xffu >> (length + 1);
  for (size_t i = 1; i < length; ++i)
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  return code;
}

}  // namespace strata::cli
