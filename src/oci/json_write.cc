// SPDX-License-Identifier: Apache-2.0
// The text that Go's encoding/json writes.
// Source: encoding/json (Marshal, MarshalIndent, Compact) as of Go 1.19: in strings the characters
// < > & U+2028 U+2029 become \u escapes, \n \r \t stay short, other controls become \u00xx, and a
// byte that is not UTF-8 becomes \ufffd. Doubles: the shortest digits that read back the same;
// exponents below -6 and from 21 on are written with "e".
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <charconv>
#include <cmath>

#include "oci/json.h"
#include "oci/json_cursor.h"

namespace strata::oci {
namespace {

namespace json = boost::json;

constexpr std::string_view kHex = "0123456789abcdef";

bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

void append_escaped(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
    case '\\':
      out.push_back('\\');
      out.push_back(static_cast<char>(c));
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      out.append("\\u00");
      out.push_back(kHex[c >> 4]);
      out.push_back(kHex[c & 15]);
  }
}

// U+2028 or U+2029, which JavaScript once took for line ends: returns its \u escape, or nothing.
std::string_view line_separator(std::string_view text) {
  if (text.starts_with("\xE2\x80\xA8")) return "\\u2028";
  if (text.starts_with("\xE2\x80\xA9")) return "\\u2029";
  return {};
}

void append_double(std::string& out, double value) {
  double magnitude = std::fabs(value);
  bool exponential = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  char buffer[64];
  auto to = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string_view text(buffer, static_cast<size_t>(to.ptr - buffer));
  size_t e = text.find('e');
  int exponent = 0;  // from_chars knows no plus sign
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), to.ptr, exponent);
  std::string digits;
  for (char c : text.substr(0, e)) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  if (std::signbit(value)) out.push_back('-');
  if (exponential) {
    out.push_back(digits[0]);
    if (digits.size() > 1) out.append(".").append(digits, 1);
    // At least two digits, but a negative exponent loses a leading zero.
    out += exponent < 0 ? fmt::format("e-{}", -exponent) : fmt::format("e+{:02}", exponent);
  } else if (exponent < 0) {
    out.append("0.").append(static_cast<size_t>(-exponent - 1), '0').append(digits);
  } else {
    size_t whole = static_cast<size_t>(exponent) + 1;
    if (digits.size() <= whole) {
      out.append(digits).append(whole - digits.size(), '0');
    } else {
      out.append(digits, 0, whole).append(".").append(digits, whole);
    }
  }
}

// Writes one value. With `indented`, every member and element stands on a line of its own.
class Writer {
 public:
  Writer(std::string& out, bool indented, std::string_view prefix, std::string_view indent)
      : out_(out), indented_(indented), prefix_(prefix), indent_(indent) {}

  void write(const json::value& value) {
    switch (value.kind()) {
      case json::kind::object:
        return write_object(value.get_object());
      case json::kind::array:
        return write_array(value.get_array());
      case json::kind::string:
        return append_go_string(out_, value.get_string());
      case json::kind::int64:
        fmt::format_to(std::back_inserter(out_), "{}", value.get_int64());
        return;
      case json::kind::uint64:
        fmt::format_to(std::back_inserter(out_), "{}", value.get_uint64());
        return;
      case json::kind::double_:
        return append_double(out_, value.get_double());
      case json::kind::bool_:
        out_.append(value.get_bool() ? "true" : "false");
        return;
      case json::kind::null:
        out_.append("null");
        return;
    }
  }

 private:
  void write_object(const json::object& object) {
    out_.push_back('{');
    ++depth_;
    bool first = true;
    for (const auto& member : object) {
      separate(first);
      append_go_string(out_, member.key());
      out_.append(indented_ ? ": " : ":");
      write(member.value());
    }
    close('}', first);
  }

  void write_array(const json::array& array) {
    out_.push_back('[');
    ++depth_;
    bool first = true;
    for (const json::value& element : array) {
      separate(first);
      write(element);
    }
    close(']', first);
  }

  void separate(bool& first) {
    if (!first) out_.push_back(',');
    first = false;
    new_line();
  }

  void close(char bracket, bool empty) {
    --depth_;
    if (!empty) new_line();
    out_.push_back(bracket);
  }

  void new_line() {
    if (!indented_) return;
    out_.push_back('\n');
    out_.append(prefix_);
    for (size_t i = 0; i < depth_; ++i) out_.append(indent_);
  }

  std::string& out_;
  bool indented_;
  std::string_view prefix_;
  std::string_view indent_;
  size_t depth_ = 0;
};

}  // namespace

void append_go_string(std::string& out, std::string_view text) {
  out.push_back('"');
  size_t plain_from = 0;
  for (size_t i = 0; i < text.size();) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    if (is_plain(c)) {
      ++i;
      continue;
    }
    std::string_view rest = text.substr(i);
    size_t length = utf8_length(rest);
    std::string_view separator = line_separator(rest);
    if (length > 1 && separator.empty()) {
      i += length;
      continue;
    }
    out.append(text, plain_from, i - plain_from);
    if (length == 0) {
      out.append("\\ufffd");
      length = 1;
    } else if (length > 1) {
      out.append(separator);
    } else {
      append_escaped(out, c);
    }
    i += length;
    plain_from = i;
  }
  out.append(text, plain_from);
  out.push_back('"');
}

std::string go_json(const json::value& value) {
  std::string out;
  Writer(out, false, {}, {}).write(value);
  return out;
}

std::string go_json_indented(const json::value& value, std::string_view prefix,
                             std::string_view indent) {
  std::string out;
  Writer(out, true, prefix, indent).write(value);
  return out;
}

Result<std::string> compact_json(std::string_view text) {
  JsonCursor check(text);
  if (!check.skip() || !check.finish()) return Error(ErrorCode::kInvalid, check.error());
  std::string out;
  out.reserve(text.size());
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    std::string_view separator = line_separator(text.substr(i));
    if (in_string && c == '\\') {
      out.append(text, i++, 2);
    } else if (c == '<' || c == '>' || c == '&') {
      append_escaped(out, static_cast<unsigned char>(c));
    } else if (!separator.empty()) {
      out.append(separator);
      i += 2;
    } else if (in_string || (c != ' ' && c != '\t' && c != '\r' && c != '\n')) {
      if (c == '"') in_string = !in_string;
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace strata::oci
