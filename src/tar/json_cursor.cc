// SPDX-License-Identifier: Apache-2.0
// Source: RFC 8259.
#include "tar/json_cursor.h"

#include <algorithm>
#include <cstring>

#include "tar/header.h"
#include "tar/utf8.h"

namespace strata::tar {
namespace {

constexpr size_t kBufferBytes = size_t{128} << 10;
constexpr int kMaxDepth = 64;  // of values that are skipped

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

JsonCursor::JsonCursor(ByteSource& source) : source_(source), buffer_(kBufferBytes) {}

Error JsonCursor::corrupt(std::string_view what) const {
  return error(ErrorCode::kCorrupt, "tar-split JSON, byte {}: {}", offset_bytes(), what);
}

// Makes sure that there is a byte in the buffer; false at the end of the text.
Result<bool> JsonCursor::fill() {
  if (next_ < end_) return true;
  before_ += end_;
  next_ = end_ = 0;
  STRATA_TRY(end_, source_.read(buffer_));
  return end_ > 0;
}

Result<char> JsonCursor::next_char() {
  STRATA_TRY(bool more, fill());
  if (!more) return corrupt("the text is cut off");
  return static_cast<char>(buffer_[next_++]);
}

Result<bool> JsonCursor::at_end() {
  while (true) {
    while (next_ < end_) {
      if (!is_space(static_cast<char>(buffer_[next_]))) return false;
      ++next_;
    }
    STRATA_TRY(bool more, fill());
    if (!more) return true;
  }
}

Result<char> JsonCursor::peek_token() {
  STRATA_TRY(bool end, at_end());
  if (end) return corrupt("the text is cut off");
  return static_cast<char>(buffer_[next_]);
}

Result<bool> JsonCursor::accept(char c) {
  STRATA_TRY(char token, peek_token());
  if (token != c) return false;
  ++next_;
  return true;
}

Status JsonCursor::expect(char c) {
  STRATA_TRY(char token, peek_token());
  if (token != c) return corrupt(fmt::format("expected '{}', found {:?}", c, token));
  ++next_;
  return {};
}

Status JsonCursor::expect_word(std::string_view word) {
  for (char expected : word) {
    STRATA_TRY(char c, next_char());
    if (c != expected) return corrupt(fmt::format("expected {}", word));
  }
  return {};
}

Result<bool> JsonCursor::accept_null() {
  STRATA_TRY(char token, peek_token());
  if (token != 'n') return false;
  STRATA_CHECK(expect_word("null"));
  return true;
}

Result<bool> JsonCursor::at_quote() {
  STRATA_TRY(bool more, fill());
  if (!more) return corrupt("the text is cut off");
  return static_cast<char>(buffer_[next_]) == '"';
}

Result<std::string_view> JsonCursor::string_part(size_t limit_bytes) {
  STRATA_TRY(bool more, fill());
  if (!more) return corrupt("the text is cut off");
  const std::string_view rest = as_text(ByteSpan(buffer_).subspan(next_, end_ - next_));
  const std::string_view part = rest.substr(0, std::min(limit_bytes, rest.find('"')));
  next_ += part.size();
  return part;
}

Status JsonCursor::read_string(std::string& out, size_t limit_bytes) {
  out.clear();
  STRATA_CHECK(expect('"'));
  while (true) {
    STRATA_TRY(bool more, fill());
    if (!more) return corrupt("the text is cut off");
    const std::string_view rest = as_text(ByteSpan(buffer_).subspan(next_, end_ - next_));
    const auto special = std::find_if(rest.begin(), rest.end(), [](char c) {
      return c == '"' || c == '\\' || static_cast<uint8_t>(c) < 0x20;
    });
    const size_t plain = static_cast<size_t>(special - rest.begin());
    out += rest.substr(0, plain);
    next_ += plain;
    if (out.size() > limit_bytes) {
      return corrupt(fmt::format("a string of more than {} bytes", limit_bytes));
    }
    if (special == rest.end()) continue;
    ++next_;
    if (*special == '"') break;
    if (*special != '\\') return corrupt("a control character in a string");
    STRATA_CHECK(read_escape(out));
  }
  return is_utf8(out) ? Status() : corrupt("a string that is not UTF-8");
}

Status JsonCursor::read_escape(std::string& out) {
  STRATA_TRY(char c, next_char());
  constexpr std::string_view kFrom = "\"\\/bfnrt";
  constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
  if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
    out += kTo[i];
    return {};
  }
  if (c != 'u') return corrupt("an unknown escape in a string");
  STRATA_TRY(uint32_t unit, read_hex4());
  while (unit >= 0xd800 && unit < 0xdc00) {  // a high surrogate; its other half must follow
    STRATA_TRY(bool more, fill());
    if (!more || static_cast<char>(buffer_[next_]) != '\\') break;
    ++next_;
    STRATA_TRY(char next, next_char());
    if (next != 'u') {
      append_utf8(unit, out);
      --next_;
      return read_escape(out);
    }
    STRATA_TRY(uint32_t low, read_hex4());
    if (low >= 0xdc00 && low < 0xe000) {
      unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      break;
    }
    append_utf8(unit, out);
    unit = low;
  }
  append_utf8(unit, out);
  return {};
}

Result<uint32_t> JsonCursor::read_hex4() {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    STRATA_TRY(char c, next_char());
    const char lower = static_cast<char>(c | 0x20);
    if (is_digit(c)) {
      value = value << 4 | static_cast<uint32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      value = value << 4 | static_cast<uint32_t>(lower - 'a' + 10);
    } else {
      return corrupt("an escape that is not four hex digits");
    }
  }
  return value;
}

Result<int64_t> JsonCursor::read_integer() {
  STRATA_TRY([[maybe_unused]] char token, peek_token());
  scratch_.clear();
  while (true) {
    STRATA_TRY(bool more, fill());
    if (!more) break;
    const char c = static_cast<char>(buffer_[next_]);
    if (!is_digit(c) && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E') break;
    scratch_ += c;
    ++next_;
    if (scratch_.size() > 20) return corrupt("a number that is too long");
  }
  const auto value = parse_decimal(scratch_);
  const size_t first = scratch_.starts_with('-') ? 1 : 0;
  const bool zero_first = scratch_.size() > first + 1 && scratch_[first] == '0';
  if (!value || zero_first || scratch_.front() == '+') {
    return corrupt(fmt::format("expected an integer, found {:?}", scratch_));
  }
  return *value;
}

Status JsonCursor::skip_value() { return skip_nested(0); }

Status JsonCursor::skip_nested(int depth) {
  if (depth > kMaxDepth) return corrupt("values nested too deep");
  STRATA_TRY(char token, peek_token());
  switch (token) {
    case '{':
    case '[':
      return skip_container(token, depth);
    case '"':
      return read_string(scratch_, kMaxMetaBytes);
    case 't':
      return expect_word("true");
    case 'f':
      return expect_word("false");
    case 'n':
      return expect_word("null");
    default:
      break;
  }
  if (token != '-' && !is_digit(token)) return corrupt("expected a value");
  while (true) {
    STRATA_TRY(bool more, fill());
    const char c = more ? static_cast<char>(buffer_[next_]) : ' ';
    if (!is_digit(c) && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E') return {};
    ++next_;
  }
}

Status JsonCursor::skip_container(char open, int depth) {
  const char close = open == '{' ? '}' : ']';
  STRATA_CHECK(expect(open));
  STRATA_TRY(bool empty, accept(close));
  while (!empty) {
    if (open == '{') {
      STRATA_CHECK(read_string(scratch_, kMaxMetaBytes));
      STRATA_CHECK(expect(':'));
    }
    STRATA_CHECK(skip_nested(depth + 1));
    STRATA_TRY(bool more, accept(','));
    if (!more) break;
  }
  return empty ? Status() : expect(close);
}

}  // namespace strata::tar
