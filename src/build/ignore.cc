// SPDX-License-Identifier: Apache-2.0
// file = { line "\n" }        line = "#" text | spaces [ "!" spaces ] pattern spaces | spaces
// Source: ignore.h; the pattern is a path that is cleaned as Go's path.Clean does.
#include "build/ignore.h"

#include <algorithm>
#include <optional>

namespace strata::build {
namespace {

constexpr size_t kMaxLineBytes = 64 << 10;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\n\v\f\r";
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

// "a//b/./c/../d" -> "a/b/d"; a leading ".." of a relative path stays, as there is no top to stop at.
std::string clean(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string_view> parts;
  for (size_t at = 0; at <= path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    const bool goes_up = part == "..";
    if (goes_up && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!goes_up || !absolute) {
      parts.push_back(part);
    }
  }
  std::string text;
  for (const std::string_view part : parts) text.append(text.empty() ? "" : "/").append(part);
  if (absolute) return "/" + text;
  return text.empty() ? "." : text;
}

// The pattern of a line; nothing for one that has none.
std::optional<std::string> pattern_of(std::string_view line) {
  if (line.starts_with('#')) return std::nullopt;
  line = trim(line);
  if (line.empty()) return std::nullopt;
  const bool exception = line.starts_with('!');
  if (exception) line = trim(line.substr(1));
  std::string pattern;
  if (!line.empty()) pattern = clean(line);
  if (pattern.size() > 1 && pattern[0] == '/') pattern.erase(0, 1);
  return (exception ? "!" : "") + pattern;
}

}  // namespace

Result<std::vector<std::string>> read_ignore_file(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<std::string> patterns;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end >= kMaxLineBytes) {
      return Error(ErrorCode::kInvalid,
                   "Error reading .dockerignore: bufio.Scanner: token too long");
    }
    if (std::optional<std::string> pattern = pattern_of(text.substr(0, end))) {
      patterns.push_back(std::move(*pattern));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return patterns;
}

Result<IgnoreMatcher> IgnoreMatcher::make(const std::vector<std::string>& patterns) {
  IgnoreMatcher matcher;
  for (const std::string& text : patterns) {
    std::string_view rest = trim(text);
    if (rest.empty()) continue;
    const bool exception = rest.starts_with('!');
    if (exception) rest.remove_prefix(1);
    if (rest.empty()) return Error(ErrorCode::kInvalid, "illegal exclusion pattern: \"!\"");
    STRATA_TRY(PathPattern path,
               PathPattern::compile(clean(rest), PathPattern::DoubleStar::kAnyFolders));
    matcher.patterns_.push_back({std::move(path), exception});
  }
  return matcher;
}

bool IgnoreMatcher::leaves_out(const FolderState& folder, std::string_view path,
                               FolderState* state) const {
  bool out = false;
  if (state != nullptr) state->assign(patterns_.size(), false);
  for (size_t i = 0; i < patterns_.size(); ++i) {
    if (!folder[i] && !patterns_[i].path.matches(path)) continue;
    if (state != nullptr) (*state)[i] = true;
    out = !patterns_[i].is_exception;
  }
  return out;
}

bool IgnoreMatcher::leaves_out(std::string_view path) const {
  FolderState state = top();
  for (size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    FolderState inner;
    leaves_out(state, path.substr(0, slash), &inner);
    state = std::move(inner);
  }
  return leaves_out(state, path);
}

bool IgnoreMatcher::holds_exceptions(std::string_view folder) const {
  for (const Pattern& pattern : patterns_) {
    const std::string& text = pattern.path.text();
    if (!pattern.is_exception || !std::string_view(text).starts_with(folder)) continue;
    if (text.size() == folder.size() || text[folder.size()] == '/') return true;
  }
  return false;
}

bool IgnoreMatcher::has_exceptions() const {
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [](const Pattern& pattern) { return pattern.is_exception; });
}

}  // namespace strata::build
