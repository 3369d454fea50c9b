// SPDX-License-Identifier: Apache-2.0
#include "cli/filters.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "cli/go_print.h"
#include "store/references.h"

namespace strata::cli {
namespace {

Error refuse(std::string message) { return Error(ErrorCode::kInvalid, std::move(message)); }

std::string trimmed(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin));
}

bool has_label(const oci::ConfigSummary& config, std::string_view wanted) {
  size_t equals = wanted.find('=');
  std::string_view name = wanted.substr(0, equals);
  return std::any_of(config.labels.begin(), config.labels.end(), [&](const auto& label) {
    return label.first == name &&
           (equals == wanted.npos || label.second == wanted.substr(equals + 1));
  });
}

// "2006-01-02", "2006-01-02T15:04:05" and the like without a zone: in the local one.
std::optional<oci::Time> parse_local_time(const std::string& text) {
  for (const char* form : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    parts.tm_isdst = -1;
    const char* end = strptime(text.c_str(), form, &parts);
    if (end != nullptr && *end == '\0') return oci::Time{std::mktime(&parts), 0, 0};
  }
  return std::nullopt;
}

Result<oci::Time> parse_until(const std::string& text) {
  if (const Result<int64_t> ago = oci::parse_duration(text); ago.ok()) {
    oci::Time time = oci::current_time();
    time.seconds -= *ago / 1'000'000'000;
    return time;
  }
  if (Result<oci::Time> time = oci::parse_time(text); time.ok()) return time;
  if (std::optional<oci::Time> time = parse_local_time(text)) return *time;
  oci::Time unix_time{0, 0, 0};
  size_t dot = std::min(text.find('.'), text.size());
  auto [end, failed] = std::from_chars(text.data(), text.data() + dot, unix_time.seconds);
  bool fraction_ok = text.find_first_not_of("0123456789", dot + (dot < text.size())) == text.npos;
  if (failed == std::errc() && end == text.data() + dot && fraction_ok) return unix_time;
  return refuse(fmt::format("failed to parse value as time or duration: {}", go_quote(text)));
}

// The class that begins behind '[' at the front of `pattern`, which it takes off.
Result<bool> match_class(std::string_view& pattern, char c) {
  static const std::string kBad = "syntax error in pattern";
  auto next = [&]() -> std::optional<char> {
    if (pattern.empty() || pattern[0] == '-' || pattern[0] == ']') return std::nullopt;
    if (pattern[0] == '\\') pattern.remove_prefix(1);
    if (pattern.empty()) return std::nullopt;
    char found = pattern[0];
    pattern.remove_prefix(1);
    return found;
  };
  const bool negated = pattern.starts_with('^');
  if (negated) pattern.remove_prefix(1);
  bool matched = false;
  for (bool first = true; first || !pattern.starts_with(']'); first = false) {
    std::optional<char> low = next();
    std::optional<char> high = low;
    if (pattern.starts_with('-')) {
      pattern.remove_prefix(1);
      high = next();
    }
    if (!low || !high || pattern.empty()) return refuse(kBad);
    matched = matched || (*low <= c && c <= *high);
  }
  pattern.remove_prefix(1);
  return matched != negated;
}

// The whole pattern must be well formed, wherever the match fails.
Status check_pattern(std::string_view pattern) {
  while (!pattern.empty()) {
    char c = pattern[0];
    pattern.remove_prefix(1);
    if (c == '[') {
      STRATA_TRY([[maybe_unused]] bool matched, match_class(pattern, 'a'));
    }
    if (c == '\\' && pattern.empty()) return refuse("syntax error in pattern");
    if (c == '\\') pattern.remove_prefix(1);
  }
  return {};
}

Result<bool> match_checked(std::string_view pattern, std::string_view text) {
  while (!pattern.empty()) {
    char c = pattern[0];
    pattern.remove_prefix(1);
    if (c == '*') {
      for (size_t skip = 0; skip <= text.size(); ++skip) {
        STRATA_TRY(bool matched, match_checked(pattern, text.substr(skip)));
        if (matched) return true;
        if (skip < text.size() && text[skip] == '/') break;
      }
      return false;
    }
    if (text.empty()) return false;
    if (c == '[') {
      STRATA_TRY(bool matched, match_class(pattern, text[0]));
      if (!matched) return false;
    } else if (c == '?') {
      if (text[0] == '/') return false;
    } else {
      if (c == '\\') {
        c = pattern[0];
        pattern.remove_prefix(1);
      }
      if (text[0] != c) return false;
    }
    text.remove_prefix(1);
  }
  return text.empty();
}

}  // namespace

Status Filters::check_form(const std::string& text) {
  bool well_formed = text.empty() || text.find('=') != text.npos;
  return well_formed ? Status() : refuse("bad format of filter (expected name=value)");
}

Result<Filters> Filters::parse(const std::vector<std::string>& texts) {
  Filters filters;
  for (const std::string& text : texts) {
    STRATA_CHECK(check_form(text));
    if (text.empty()) continue;
    size_t equals = text.find('=');
    std::string name = trimmed(text.substr(0, equals));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    filters.add(name, trimmed(text.substr(equals + 1)));
  }
  return filters;
}

Status Filters::check_names(const std::set<std::string_view>& known) const {
  for (const auto& [name, values] : values_) {
    if (!known.contains(name)) return refuse(fmt::format("Invalid filter '{}'", name));
  }
  return {};
}

const std::vector<std::string>& Filters::values(std::string_view name) const {
  static const std::vector<std::string> kNone;
  auto found = values_.find(name);
  return found == values_.end() ? kNone : found->second;
}

Result<std::optional<bool>> Filters::yes_or_no(std::string_view name) const {
  const std::vector<std::string>& all = values(name);
  if (all.empty()) return std::optional<bool>();
  auto is = [&](const char* a, const char* b) {
    return std::all_of(all.begin(), all.end(),
                       [&](const std::string& v) { return v == a || v == b; });
  };
  if (is("true", "1")) return std::optional<bool>(true);
  if (is("false", "0")) return std::optional<bool>(false);
  return refuse(fmt::format("Invalid filter '{}=[{}]'", name, fmt::join(all, " ")));
}

bool Filters::match_labels(const oci::ConfigSummary& config) const {
  const auto& wanted = values("label");
  const auto& unwanted = values("label!");
  auto has = [&](const std::string& label) { return has_label(config, label); };
  return std::all_of(wanted.begin(), wanted.end(), has) &&
         std::none_of(unwanted.begin(), unwanted.end(), has);
}

Result<std::optional<oci::Time>> Filters::until() const {
  std::optional<oci::Time> earliest;
  for (const std::string& text : values("until")) {
    STRATA_TRY(oci::Time time, parse_until(text));
    if (!earliest || time < *earliest) earliest = time;
  }
  return earliest;
}

Result<std::optional<oci::Time>> Filters::only_until() const {
  const std::vector<std::string>& times = values("until");
  if (std::any_of(times.begin(), times.end(), [&](const auto& t) { return t != times.front(); })) {
    return error(ErrorCode::kInvalid, "more than one until filter specified");
  }
  return until();
}

Result<bool> match_pattern(std::string_view pattern, std::string_view text) {
  STRATA_CHECK(check_pattern(pattern));
  return match_checked(pattern, text);
}

Result<bool> match_reference(std::string_view pattern, std::string_view reference) {
  STRATA_TRY(bool whole, match_pattern(pattern, reference));
  if (whole) return true;
  return match_pattern(pattern, store::repository_of(reference));
}

}  // namespace strata::cli
