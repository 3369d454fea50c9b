// SPDX-License-Identifier: Apache-2.0
#include "oci/go_text.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "oci/json_cursor.h"

namespace strata::oci {
namespace {

// Go asks Unicode's tables; these are the spaces and controls that occur in text.
bool is_printable(char32_t code) {
  return !((code >= 0x80 && code <= 0xa0) || code == 0xad || (code >= 0x2000 && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202f) || (code >= 0x205f && code <= 0x206f) ||
           code == 0x3000 || code == 0xfeff);
}

// Takes the number at the front of a duration off it. False: there is none.
bool take_number(std::string_view& text, double& number) {
  const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto [end, failed] = std::from_chars(text.data(), text.data() + digits, number);
  if (failed != std::errc() || end != text.data() + digits) return false;
  text.remove_prefix(digits);
  return true;
}

// Nanoseconds of a unit; 0: there is none of that name.
double unit_nanoseconds(std::string_view name) {
  if (name == "ns") return 1;
  if (name == "us" || name == "µs" || name == "μs") return 1e3;
  if (name == "ms") return 1e6;
  if (name == "s") return 1e9;
  if (name == "m") return 60e9;
  return name == "h" ? 3600e9 : 0;
}

}  // namespace

namespace {

std::string quoted(std::string_view text, char quote) {
  static constexpr std::string_view kEscaped = "\\\a\b\f\n\r\t\v";
  static constexpr std::string_view kNames = "\\abfnrtv";
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const size_t length = utf8_length(rest);
    const char32_t code = code_point(rest);
    if (text[at] == quote) {
      out += '\\';
      out += quote;
    } else if (size_t found = kEscaped.find(text[at]); found != kEscaped.npos) {
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
  return out + quote;
}

}  // namespace

std::string go_quote(std::string_view text) { return quoted(text, '"'); }

std::string go_quote_rune(char32_t code) {
  std::string text;
  append_utf8(text, code);
  return quoted(text, '\'');
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

Result<int64_t> parse_duration(std::string_view text) {
  const std::string shown = go_quote(text);
  const auto invalid = [&] {
    return error(ErrorCode::kInvalid, "time: invalid duration {}", shown);
  };
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return invalid();
  double total = 0;
  while (!text.empty()) {
    double number = 0;
    if (!take_number(text, number)) return invalid();
    const std::string_view unit =
        text.substr(0, std::min(text.find_first_of("0123456789."), text.size()));
    if (unit.empty()) return error(ErrorCode::kInvalid, "time: missing unit in duration {}", shown);
    const double nanoseconds = unit_nanoseconds(unit);
    if (nanoseconds == 0) {
      return error(ErrorCode::kInvalid, "time: unknown unit {} in duration {}", go_quote(unit),
                   shown);
    }
    total += number * nanoseconds;
    text.remove_prefix(unit.size());
  }
  if (total > 9.2e18) return invalid();
  return static_cast<int64_t>(negative ? -total : total);
}

Result<bool> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return error(ErrorCode::kInvalid, "strconv.ParseBool: parsing {}: invalid syntax",
               go_quote(text));
}

char32_t code_point(std::string_view text) {
  char32_t code = static_cast<unsigned char>(text[0]);
  const size_t length = utf8_length(text);
  if (length > 1) code &= 0xffu >> (length + 1);
  for (size_t i = 1; i < length; ++i)
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  return code;
}

}  // namespace strata::oci
