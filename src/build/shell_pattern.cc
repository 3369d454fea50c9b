// SPDX-License-Identifier: Apache-2.0
// Grammar:
//   pattern = { "*" | "?" | "\" ( "*" | "?" | "\" ) | "\" ( "}" | "/" ) | character }
//   * any characters, ? one; neither takes a newline. \} and \/ stand for } and /, which would end the
//   substitution otherwise. There are no [sets].
// Source: the Dockerfile reference, "Environment replacement".
#include "build/shell_pattern.h"

#include <algorithm>

#include "oci/json_cursor.h"

namespace strata::build {
namespace {

// Bytes of the character at the front; a byte that is not UTF-8 counts as one.
size_t character_length(std::string_view text) {
  return std::max<size_t>(1, oci::utf8_length(text));
}

}  // namespace

Result<ShellPattern> ShellPattern::parse(std::string_view text) {
  ShellPattern out;
  const std::string_view whole = text;
  while (!text.empty()) {
    Token token{.text = std::string(text.substr(0, character_length(text)))};
    text.remove_prefix(token.text.size());
    if (token.text == "*") token.kind = Kind::kAnyMany;
    if (token.text == "?") token.kind = Kind::kAnyOne;
    if (token.text == "\\") {
      token.text = text.substr(0, text.empty() ? 0 : character_length(text));
      if (token.text.size() != 1 || std::string_view("*?\\}/").find(token.text[0]) == whole.npos) {
        return error(ErrorCode::kInvalid,
                     "invalid pattern ({}) in substitution: invalid escape '\\{}'", whole,
                     token.text);
      }
      text.remove_prefix(1);
    }
    out.tokens_.push_back(std::move(token));
  }
  return out;
}

std::optional<size_t> ShellPattern::match_at(std::string_view value, size_t start,
                                             bool longest) const {
  // reached[i]: the tokens so far can end after i bytes.
  std::vector<bool> reached(value.size() + 1);
  reached[start] = true;
  for (const Token& token : tokens_) {
    std::vector<bool> next(value.size() + 1);
    for (size_t at = start; at <= value.size(); ++at) {
      const std::string_view rest = value.substr(at);
      const bool has_character = !rest.empty() && rest.front() != '\n';
      if (token.kind == Kind::kAnyMany) {
        if (reached[at]) next[at] = true;
        if (next[at] && has_character) next[at + character_length(rest)] = true;
      } else if (token.kind == Kind::kAnyOne) {
        if (reached[at] && has_character) next[at + character_length(rest)] = true;
      } else if (reached[at] && rest.starts_with(token.text)) {
        next[at + token.text.size()] = true;
      }
    }
    reached = std::move(next);
  }
  if (longest) {
    const auto last = std::find(reached.rbegin(), reached.rend(), true);
    if (last == reached.rend()) return std::nullopt;
    return value.size() - static_cast<size_t>(last - reached.rbegin());
  }
  const auto first = std::find(reached.begin(), reached.end(), true);
  if (first == reached.end()) return std::nullopt;
  return static_cast<size_t>(first - reached.begin());
}

std::string ShellPattern::without_prefix(std::string_view value, bool longest) const {
  const std::optional<size_t> end = match_at(value, 0, longest);
  return std::string(value.substr(end.value_or(0)));
}

std::string ShellPattern::without_suffix(std::string_view value, bool longest) const {
  // The same from the other end: characters and tokens reversed.
  ShellPattern reversed;
  reversed.tokens_.assign(tokens_.rbegin(), tokens_.rend());
  std::string backwards;
  for (std::string_view rest = value; !rest.empty();) {
    const size_t length = character_length(rest);
    backwards.insert(0, rest.substr(0, length));
    rest.remove_prefix(length);
  }
  const std::optional<size_t> end = reversed.match_at(backwards, 0, longest);
  return std::string(value.substr(0, value.size() - end.value_or(0)));
}

std::string ShellPattern::replace(std::string_view value, std::string_view replacement,
                                  bool all) const {
  std::string out;
  size_t at = 0;
  bool after_match = false;  // an empty match right after another one does not count
  while (at <= value.size()) {
    const std::optional<size_t> end = match_at(value, at, true);
    if (end && !(after_match && *end == at)) {
      out += replacement;
      after_match = *end > at;
      at = *end;
      if (!all) break;
      if (after_match) continue;
    }
    after_match = false;
    if (at == value.size()) break;
    const size_t length = character_length(value.substr(at));
    out += value.substr(at, length);
    at += length;
  }
  return at < value.size() ? out + std::string(value.substr(at)) : out;
}

}  // namespace strata::build
