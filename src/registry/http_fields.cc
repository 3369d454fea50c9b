// SPDX-License-Identifier: Apache-2.0
//   challenges    = challenge *( "," challenge )
//   challenge     = scheme [ 1*SP ( token68 / param *( "," param ) ) ]
//   param         = token BWS "=" BWS ( token / quoted-string )
//   Link          = "<" URI ">" *( ";" token [ "=" ( token / quoted-string ) ] ) *( "," … )
//   Retry-After   = 1*DIGIT / IMF-fixdate               "Sun, 06 Nov 1994 08:49:37 GMT"
//   Content-Range = "bytes" SP ( first "-" last / "*" ) "/" ( total / "*" )
// Source: RFC 9110 sections 11.3, 5.6, 10.2.3, 14.4; RFC 8288 section 3.
#include "registry/http_fields.h"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace strata::registry {
namespace {

bool is_token_char(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != kMarks.npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Reads a header's value from the left.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  void skip(std::string_view characters) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(characters), rest_.size()));
  }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view token() {
    size_t end = 0;
    while (end < rest_.size() && is_token_char(rest_[end])) ++end;
    std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return text;
  }
  // Up to and without `end`, which is consumed; none when it does not come.
  std::optional<std::string_view> until(char end) {
    size_t found = rest_.find(end);
    if (found == rest_.npos) return std::nullopt;
    std::string_view text = rest_.substr(0, found);
    rest_.remove_prefix(found + 1);
    return text;
  }
  // A token, or a quoted string without its quotes. None when a quote is not closed.
  std::optional<std::string> value() {
    if (!take('"')) return std::string(token());
    std::string text;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return text;
      if (c == '\\' && !rest_.empty()) {
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      text += c;
    }
    return std::nullopt;
  }
  // `name=value`; the reader stays where it is if the text does not begin so.
  bool parameter(std::string& name, std::string& content) {
    std::string_view before = rest_;
    std::string_view key = token();
    skip(" \t");
    bool has_value = !key.empty() && take('=');
    // "=" again, or nothing: the padding of a token68.
    if (!has_value || rest_.empty() || rest_.front() == '=') {
      rest_ = before;
      return false;
    }
    skip(" \t");
    std::optional<std::string> found = value();
    if (!found) {
      rest_ = before;
      return false;
    }
    name = lower(key);
    content = std::move(*found);
    return true;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

bool names_relation(std::string_view relations, std::string_view wanted) {
  while (!relations.empty()) {
    std::string_view one = relations.substr(0, relations.find(' '));
    if (lower(one) == wanted) return true;
    relations.remove_prefix(std::min(relations.size(), one.size() + 1));
  }
  return false;
}

}  // namespace

std::string Challenge::value(const std::string& name) const {
  auto found = values.find(name);
  return found == values.end() ? "" : found->second;
}

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  FieldReader reader(header);
  while (true) {
    reader.skip(" \t,");
    if (reader.at_end()) return challenges;
    std::string name;
    std::string content;
    // A parameter belongs to the challenge that stands before it.
    if (!challenges.empty() && reader.parameter(name, content)) {
      challenges.back().values.emplace(name, content);
      continue;
    }
    std::string_view scheme = reader.token();
    if (scheme.empty()) return challenges;
    bool spaced = reader.rest().starts_with(' ') || reader.rest().starts_with('\t');
    if (!spaced && !reader.at_end() && !reader.rest().starts_with(',')) return challenges;
    challenges.push_back({lower(scheme), {}});
    reader.skip(" \t");
    if (reader.parameter(name, content)) {
      challenges.back().values.emplace(name, content);
    } else if (spaced) {  // a token68, or nothing, or another challenge behind a comma
      FieldReader ahead = reader;
      (void)ahead.token();
      ahead.skip("/=");
      if (ahead.at_end() || ahead.rest().starts_with(',')) reader = ahead;
    }
  }
}

std::optional<std::string> find_link(std::string_view header, std::string_view relation) {
  FieldReader reader(header);
  while (true) {
    reader.skip(" \t,");
    if (!reader.take('<')) return std::nullopt;
    std::optional<std::string_view> target = reader.until('>');
    if (!target) return std::nullopt;
    bool is_wanted = false;
    while (true) {
      reader.skip(" \t");
      if (!reader.take(';')) break;
      reader.skip(" \t");
      std::string name;
      std::string content;
      if (reader.parameter(name, content)) {
        is_wanted = is_wanted || (name == "rel" && names_relation(content, relation));
      } else if (reader.token().empty()) {
        return std::nullopt;
      }
    }
    if (is_wanted) return std::string(*target);
  }
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view header,
                                                      std::chrono::system_clock::time_point now) {
  if (std::optional<uint64_t> seconds = parse_length(header)) {
    constexpr uint64_t kWeek = 7 * 24 * 3600;
    return std::chrono::seconds(std::min(*seconds, kWeek));
  }
  std::tm parts{};
  std::string text(header.substr(0, 64));
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  auto at = std::chrono::system_clock::from_time_t(::timegm(&parts));
  auto wait = std::chrono::ceil<std::chrono::seconds>(at - now);
  return std::max(wait, std::chrono::seconds(0));
}

std::optional<ContentRange> parse_content_range(std::string_view header) {
  if (!header.starts_with("bytes ")) return std::nullopt;
  header.remove_prefix(6);
  size_t slash = header.find('/');
  if (slash == header.npos) return std::nullopt;
  std::string_view range = header.substr(0, slash);
  std::string_view total = header.substr(slash + 1);
  ContentRange result;
  if (total != "*") {
    result.total = parse_length(total);
    if (!result.total) return std::nullopt;
  }
  if (range == "*") return result;
  size_t dash = range.find('-');
  if (dash == range.npos) return std::nullopt;
  result.first = parse_length(range.substr(0, dash));
  result.last = parse_length(range.substr(dash + 1));
  if (!result.first || !result.last || *result.last < *result.first) return std::nullopt;
  if (result.total && *result.last >= *result.total) return std::nullopt;
  return result;
}

std::optional<uint64_t> parse_length(std::string_view digits) {
  uint64_t number = 0;
  if (digits.empty() || digits.front() < '0' || digits.front() > '9') return std::nullopt;
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failure != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::string strong_validator(std::string_view etag) {
  bool quoted = etag.size() >= 2 && etag.front() == '"' && etag.back() == '"';
  bool inner = quoted && etag.substr(1, etag.size() - 2).find('"') == etag.npos;
  return inner ? std::string(etag) : std::string();
}

}  // namespace strata::registry
