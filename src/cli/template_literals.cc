// SPDX-License-Identifier: Apache-2.0
// Literals of templates: true, 42, 0x2A, 1.5, 'a', "a\n", `a`.
// Source: the Go language specification, "Literals".
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "cli/go_print.h"
#include "cli/template_lexer.h"
#include "oci/json_cursor.h"

namespace strata::cli {
namespace {

using Kind = Token::Kind;

Error refuse(std::string message) { return Error(ErrorCode::kInvalid, std::move(message)); }

// The content of a Go string or character literal, without its quotes; none if an escape is wrong.
std::optional<std::string> unquote(std::string_view body) {
  std::string out;
  for (size_t at = 0; at < body.size(); ++at) {
    if (body[at] != '\\') {
      out += body[at];
      continue;
    }
    if (++at >= body.size()) return std::nullopt;
    static constexpr std::string_view kNames = "abfnrtv\\'\"";
    static constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\'\"";
    if (size_t found = kNames.find(body[at]); found != kNames.npos) {
      out += kValues[found];
      continue;
    }
    bool octal = body[at] >= '0' && body[at] <= '7';
    size_t digits = octal ? 3 : body[at] == 'x' ? 2 : body[at] == 'u' ? 4 : body[at] == 'U' ? 8 : 0;
    size_t begin = octal ? at : at + 1;
    uint32_t code = 0;
    if (digits == 0 || begin + digits > body.size()) return std::nullopt;
    const char* end = body.data() + begin + digits;
    auto [stop, failed] = std::from_chars(body.data() + begin, end, code, octal ? 8 : 16);
    if (failed != std::errc() || stop != end) return std::nullopt;
    if (octal || digits == 2) {
      out += static_cast<char>(code);
    } else {
      oci::append_utf8(out, code);
    }
    at = begin + digits - 1;
  }
  return out;
}

Result<Value> number(const Token& token) {
  std::string digits = token.text;
  digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  std::string_view rest(digits);
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  int base = 10;
  if (rest.size() > 1 && rest[0] == '0' && rest.find_first_of(".eE") == rest.npos) {
    char mark = static_cast<char>(rest[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    rest.remove_prefix(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
  }
  std::string whole = (negative ? "-" : "") + std::string(rest);
  const char* end = whole.data() + whole.size();
  int64_t integer = 0;
  auto as_integer = std::from_chars(whole.data(), end, integer, base);
  if (as_integer.ec == std::errc() && as_integer.ptr == end) return Value::integer(integer);
  double real = 0;
  auto as_real = std::from_chars(whole.data(), end, real);
  bool is_real = whole.find_first_of(".eE") != whole.npos;
  if (base == 10 && is_real && as_real.ec == std::errc() && as_real.ptr == end) {
    return Value::real(real);
  }
  if (as_integer.ec == std::errc::result_out_of_range) {
    return refuse(fmt::format("integer overflow: {}", go_quote(token.text)));
  }
  return refuse(fmt::format("illegal number syntax: {}", go_quote(token.text)));
}

}  // namespace

Result<Value> read_literal(const Token& token) {
  std::string_view body(token.text);
  if (token.kind == Kind::kBool) return Value::boolean(body == "true");
  if (token.kind == Kind::kNumber) return number(token);
  body = body.substr(1, body.size() - 2);
  if (token.kind == Kind::kRawString) return Value::string(std::string(body));
  std::optional<std::string> text = unquote(body);
  if (!text) return refuse("invalid syntax");
  if (token.kind == Kind::kString) return Value::string(*text);
  if (text->empty() || std::max<size_t>(1, oci::utf8_length(*text)) != text->size()) {
    return refuse(fmt::format("malformed character constant: {}", token.text));
  }
  return Value::integer(code_point(*text), "int32");
}

}  // namespace strata::cli
