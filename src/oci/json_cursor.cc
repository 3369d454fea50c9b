// SPDX-License-Identifier: Apache-2.0
// value   = object | array | string | number | "true" | "false" | "null"
// object  = "{" [ string ":" value *( "," string ":" value ) ] "}"
// array   = "[" [ value *( "," value ) ] "]"
// string  = %x22 *( any byte from %x20 but %x22 %x5C | "\" one of "\/bfnrt | "\u" 4hex ) %x22
// number  = [ "-" ] ( "0" | 1-9 *digit ) [ "." 1*digit ] [ ("e"|"E") [ "+"|"-" ] 1*digit ]
// Space (%x20 %x09 %x0A %x0D) may stand around every token.
// Source: RFC 8259; where it leaves freedom (bytes that are not UTF-8, lone surrogates) and for the
// error texts: Go's encoding/json.
#include "oci/json_cursor.h"

#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <cstring>

namespace strata::oci {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// First byte that is a quote, a backslash or a control character; `end` if there is none. Looks at
// eight bytes at a time: most of a config is the inside of strings.
const char* find_special(const char* p, const char* end) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = kOnes * 0x80;
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - p >= 8; p += 8) {
      uint64_t word;
      std::memcpy(&word, p, sizeof word);
      uint64_t quote = word ^ kOnes * '"';
      uint64_t slash = word ^ kOnes * '\\';
      // The classic "has a zero byte" and "has a byte below n"; the lowest hit is always exact.
      uint64_t hit = (((quote - kOnes) & ~quote) | ((slash - kOnes) & ~slash) |
                      ((word - kOnes * 0x20) & ~word)) &
                     kHighs;
      if (hit != 0) return p + std::countr_zero(hit) / 8;
    }
  }
  while (p < end && *p != '"' && *p != '\\' && static_cast<unsigned char>(*p) >= 0x20) ++p;
  return p;
}

// Bytes of `text` before the first that is not ASCII or begins an escape.
size_t plain_length(std::string_view text) {
  size_t length = 0;
  while (length < text.size() && text[length] != '\\' &&
         static_cast<unsigned char>(text[length]) < 0x80) {
    ++length;
  }
  return length;
}

// A byte as Go's error messages quote it: the byte is taken for a code point.
std::string quote_byte(unsigned char c) {
  switch (c) {
    case '\'':
      return R"('\'')";
    case '\\':
      return R"('\\')";
    case '\a':
      return R"('\a')";
    case '\b':
      return R"('\b')";
    case '\f':
      return R"('\f')";
    case '\n':
      return R"('\n')";
    case '\r':
      return R"('\r')";
    case '\t':
      return R"('\t')";
    case '\v':
      return R"('\v')";
    default:
      break;
  }
  if (c < 0x20 || c == 0x7F) return fmt::format("'\\x{:02x}'", c);
  if ((c >= 0x80 && c <= 0xA0) || c == 0xAD) return fmt::format("'\\u{:04x}'", c);
  std::string text = "'";
  append_utf8(text, c);
  return text + "'";
}

char32_t four_hex(std::string_view digits) {
  char32_t value = 0;
  for (char c : digits.substr(0, 4)) value = value << 4 | static_cast<char32_t>(hex_value(c));
  return value;
}

bool is_high_surrogate(char32_t c) { return c >= 0xD800 && c < 0xDC00; }
bool is_low_surrogate(char32_t c) { return c >= 0xDC00 && c < 0xE000; }

// Decodes the escape that `raw` begins with, appends it, and returns its length. A surrogate pair
// is one escape.
size_t decode_escape(std::string_view raw, std::string& out) {
  static constexpr std::string_view kFrom = "\"\\/bfnrt";
  static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
  if (raw[1] != 'u') {
    out.push_back(kTo[kFrom.find(raw[1])]);
    return 2;
  }
  char32_t first = four_hex(raw.substr(2));
  if (is_high_surrogate(first) && raw.size() >= 12 && raw[6] == '\\' && raw[7] == 'u') {
    char32_t second = four_hex(raw.substr(8));
    if (is_low_surrogate(second)) {
      append_utf8(out, 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
      return 12;
    }
  }
  append_utf8(out, first);
  return 6;
}

}  // namespace

void append_utf8(std::string& out, char32_t c) {
  if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) c = kReplacement;
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0 | c >> 6));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | c >> 12));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | c >> 18));
    out.push_back(static_cast<char>(0x80 | (c >> 12 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

size_t utf8_length(std::string_view text) {
  auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = at(0);
  if (first < 0x80) return 1;
  size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  // The second byte's range excludes overlong forms, surrogates and what is beyond U+10FFFF.
  unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (at(1) < low || at(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

std::string JsonString::decode() const {
  std::string out;
  out.reserve(raw.size());
  for (size_t i = 0; i < raw.size();) {
    std::string_view rest = raw.substr(i);
    if (size_t plain = plain_length(rest); plain > 0) {
      out.append(rest.substr(0, plain));
      i += plain;
      continue;
    }
    if (rest[0] == '\\') {
      i += decode_escape(rest, out);
      continue;
    }
    size_t length = utf8_length(rest);
    if (length == 0) {
      append_utf8(out, kReplacement);
      i += 1;
    } else {
      out.append(rest.substr(0, length));
      i += length;
    }
  }
  return out;
}

bool JsonString::names(std::string_view name) const {
  if (has_escapes) return JsonString{decode(), false}.names(name);
  if (raw.size() != name.size()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    if (raw[i] != name[i] && to_lower(raw[i]) != to_lower(name[i])) return false;
  }
  return true;
}

bool JsonCursor::fail_end() {
  failed_ = true;
  ended_ = true;
  error_ = "unexpected end of JSON input";
  return false;
}

bool JsonCursor::fail(std::string_view context) {
  failed_ = true;
  ended_ = next_ == end_;
  // Go ends a text with a space of its own, and inside a token complains of that.
  char found = ended_ ? ' ' : *next_;
  error_ = fmt::format("invalid character {} {}", quote_byte(static_cast<unsigned char>(found)),
                       context);
  return false;
}

bool JsonCursor::skip_space_slowly() {
  while (next_ < end_ && is_space(*next_)) ++next_;
  return next_ < end_ || fail_end();
}

JsonCursor::Kind JsonCursor::peek() {
  if (failed_ || !skip_space()) return Kind::kNone;
  switch (*next_) {
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kArray;
    case '"':
      return Kind::kString;
    case 't':
    case 'f':
      return Kind::kBool;
    case 'n':
      return Kind::kNull;
    default:
      if (*next_ == '-' || is_digit(*next_)) return Kind::kNumber;
      fail("looking for beginning of value");
      return Kind::kNone;
  }
}

bool JsonCursor::enter() {
  if (++depth_ > kMaxJsonDepth) {
    failed_ = true;
    error_ = "exceeded max depth";
    return false;
  }
  ++next_;
  fresh_ = true;
  return true;
}

bool JsonCursor::close() {
  --depth_;
  ++next_;
  fresh_ = false;
  return false;
}

bool JsonCursor::enter_object() { return peek() == Kind::kObject && enter(); }
bool JsonCursor::enter_array() { return peek() == Kind::kArray && enter(); }

bool JsonCursor::next_member(JsonString& key) {
  if (failed_ || !skip_space()) return false;
  if (*next_ == '}') return close();
  if (!fresh_) {
    if (*next_ != ',') return fail("after object key:value pair");
    ++next_;
    if (!skip_space()) return false;
  }
  if (*next_ != '"') return fail("looking for beginning of object key string");
  if (!read_string(key) || !skip_space()) return false;
  if (*next_ != ':') return fail("after object key");
  ++next_;
  return true;
}

bool JsonCursor::next_element() {
  if (failed_ || !skip_space()) return false;
  if (*next_ == ']') return close();
  if (!fresh_) {
    if (*next_ != ',') return fail("after array element");
    ++next_;
  }
  fresh_ = false;
  return peek() != Kind::kNone;
}

bool JsonCursor::read_string(JsonString& out) {
  fresh_ = false;
  const char* begin = ++next_;
  out.has_escapes = false;
  while (true) {
    next_ = find_special(next_, end_);
    if (next_ == end_) return fail_end();
    if (*next_ == '"') break;
    if (*next_ != '\\') return fail("in string literal");
    out.has_escapes = true;
    if (!read_escape()) return false;
  }
  out.raw = {begin, static_cast<size_t>(next_ - begin)};
  ++next_;
  return true;
}

bool JsonCursor::read_escape() {
  static constexpr std::string_view kLetters = "\"\\/bfnrt";
  ++next_;
  if (next_ == end_) return fail("in string escape code");
  if (*next_ != 'u') {
    if (kLetters.find(*next_) == kLetters.npos) return fail("in string escape code");
    ++next_;
    return true;
  }
  ++next_;
  for (int i = 0; i < 4; ++i, ++next_) {
    if (next_ == end_ || hex_value(*next_) < 0) return fail("in \\u hexadecimal character escape");
  }
  return true;
}

bool JsonCursor::read_digits(std::string_view context) {
  if (next_ == end_ || !is_digit(*next_)) return fail(context);
  while (next_ < end_ && is_digit(*next_)) ++next_;
  return true;
}

bool JsonCursor::read_number(std::string_view& out) {
  fresh_ = false;
  const char* begin = next_;
  if (*next_ == '-') ++next_;
  if (next_ < end_ && *next_ == '0') {
    ++next_;
  } else if (!read_digits("in numeric literal")) {
    return false;
  }
  if (next_ < end_ && *next_ == '.') {
    ++next_;
    if (!read_digits("after decimal point in numeric literal")) return false;
  }
  if (next_ < end_ && (*next_ == 'e' || *next_ == 'E')) {
    ++next_;
    if (next_ < end_ && (*next_ == '+' || *next_ == '-')) ++next_;
    if (!read_digits("in exponent of numeric literal")) return false;
  }
  out = {begin, static_cast<size_t>(next_ - begin)};
  return true;
}

bool JsonCursor::read_word(std::string_view word) {
  fresh_ = false;
  for (char c : word) {
    if (next_ == end_ || *next_ != c) {
      return fail(fmt::format("in literal {} (expecting '{}')", word, c));
    }
    ++next_;
  }
  return true;
}

bool JsonCursor::read_bool(bool& out) {
  out = *next_ == 't';
  return read_word(out ? "true" : "false");
}

bool JsonCursor::read_null() { return read_word("null"); }

bool JsonCursor::skip() {
  JsonString text;
  std::string_view number;
  bool truth;
  switch (peek()) {
    case Kind::kObject:
      if (!enter()) return false;
      while (next_member(text) && skip()) {
      }
      return !failed_;
    case Kind::kArray:
      if (!enter()) return false;
      while (next_element() && skip()) {
      }
      return !failed_;
    case Kind::kString:
      return read_string(text);
    case Kind::kNumber:
      return read_number(number);
    case Kind::kBool:
      return read_bool(truth);
    case Kind::kNull:
      return read_null();
    case Kind::kNone:
      break;
  }
  return false;
}

bool JsonCursor::finish() {
  while (next_ < end_ && is_space(*next_)) ++next_;
  return next_ == end_ || fail("after top-level value");
}

}  // namespace strata::oci
