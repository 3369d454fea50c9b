// SPDX-License-Identifier: Apache-2.0
// Any bytes as an ignore file and, behind the first zero byte, a path. What must hold: matching agrees
// with a second, slow reading of the patterns; a walk from folder to folder finds what a single path finds.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include "build/ignore.h"
#include "tar/path.h"

namespace strata::build {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr size_t kMaxPathBytes = 64;

using Places = std::set<size_t>;  // in the path: up to where the pattern may have come

struct Character {
  char32_t code;
  size_t size;
};

// UTF-8 by its table of ranges; what fits none is a character of one byte.
Character character_at(std::string_view text, size_t at) {
  struct Row {
    unsigned first, last;  // of the first byte
    unsigned low, high;    // of the second
    size_t size;
  };
  constexpr Row kRows[] = {
      {0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
      {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
      {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  for (const Row& row : kRows) {
    if (byte(0) < row.first || byte(0) > row.last || text.size() - at < row.size) continue;
    if (row.size > 1 && (byte(1) < row.low || byte(1) > row.high)) continue;
    char32_t code = row.size == 1 ? byte(0) : byte(0) & (0x7Fu >> row.size);
    bool good = true;
    for (size_t i = 1; i < row.size; ++i) {
      good = good && byte(i) >= 0x80 && byte(i) <= 0xBF;
      code = code * 64 + (byte(i) & 0x3Fu);
    }
    if (good) return {code, row.size};
  }
  return {0xFFFD, 1};
}

// Reads a pattern once, for all places of the path at the same time.
class SlowPattern {
 public:
  explicit SlowPattern(std::string_view text) : text_(text) {}

  bool matches(std::string_view path) {
    Places places{0};
    for (at_ = 0; at_ < text_.size();) places = step(path, places);
    return places.contains(path.size());
  }

 private:
  Places step(std::string_view path, const Places& from) {
    const char front = text_[at_++];
    if (front == '*') return star(path, from);
    if (front == '[') return one(path, from, class_set());
    if (front == '?') {
      return one(path, from, [](char32_t code) { return code != U'/'; });
    }
    const char wanted = front == '\\' ? text_[at_++] : front;
    Places to;
    for (size_t place : from) {
      if (place < path.size() && path[place] == wanted) to.insert(place + 1);
    }
    return to;
  }

  Places star(std::string_view path, const Places& from) {
    const bool twice = at_ < text_.size() && text_[at_] == '*';
    if (twice) ++at_;
    if (twice && at_ < text_.size() && text_[at_] == '/') ++at_;
    const bool last = at_ == text_.size();
    Places to = from;
    for (size_t place : from) {
      for (size_t end = place; end < path.size(); ++end) {
        if (!twice && path[end] == '/') break;
        if (!twice || last || path[end] == '/') to.insert(end + 1);
      }
    }
    return to;
  }

  template <typename Takes>
  static Places one(std::string_view path, const Places& from, const Takes& takes) {
    Places to;
    for (size_t place : from) {
      if (place == path.size()) continue;
      const Character found = character_at(path, place);
      if (takes(found.code)) to.insert(place + found.size);
    }
    return to;
  }

  struct Class {
    bool negated = false;
    std::vector<std::pair<char32_t, char32_t>> ranges;
    bool operator()(char32_t code) const {
      for (const auto& [low, high] : ranges) {
        if (low <= code && code <= high) return !negated;
      }
      return negated;
    }
  };

  Class class_set() {
    Class found;
    if (text_[at_] == '^') {
      found.negated = true;
      ++at_;
    }
    do {
      const char32_t low = class_character();
      char32_t high = low;
      if (text_[at_] == '-') {
        ++at_;
        high = class_character();
      }
      found.ranges.emplace_back(low, high);
    } while (text_[at_] != ']');
    ++at_;
    return found;
  }

  char32_t class_character() {
    if (text_[at_] == '\\') ++at_;
    const Character found = character_at(text_, at_);
    at_ += found.size;
    return found.code;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// The folders above a path, and the path itself.
std::vector<std::string> prefixes(const std::string& path) {
  std::vector<std::string> all;
  for (size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    all.push_back(path.substr(0, slash));
  }
  all.push_back(path);
  return all;
}

bool slowly_left_out(const std::vector<std::string>& patterns, const std::string& path) {
  bool out = false;
  for (const std::string& pattern : patterns) {
    const bool exception = pattern.starts_with('!');
    for (const std::string& prefix : prefixes(path)) {
      if (SlowPattern(std::string_view(pattern).substr(exception ? 1 : 0)).matches(prefix)) {
        out = !exception;
        break;
      }
    }
  }
  return out;
}

void check(std::string_view text, std::string_view name) {
  const std::string path = tar::clean_path(name.substr(0, kMaxPathBytes));
  Result<std::vector<std::string>> patterns = read_ignore_file(text);
  if (!patterns.ok() || path == ".") return;
  // As docker does, make() takes spaces away once more, which cleaning may have brought to the end.
  for (const std::string& pattern : *patterns) {
    if (pattern.find_first_of(" \t\n\v\f\r") != std::string::npos) return;
  }
  Result<IgnoreMatcher> matcher = IgnoreMatcher::make(*patterns);
  if (!matcher.ok()) return;
  const bool out = matcher->leaves_out(path);
  require(out == slowly_left_out(*patterns, path));
  IgnoreMatcher::FolderState state = matcher->top();
  bool found = false;
  for (const std::string& prefix : prefixes(path)) {
    IgnoreMatcher::FolderState inner;
    found = matcher->leaves_out(state, prefix, &inner);
    state = std::move(inner);
  }
  require(found == out);
}

}  // namespace
}  // namespace strata::build

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(input.find('\0'), input.size());
  strata::build::check(input.substr(0, zero), input.substr(std::min(zero + 1, input.size())));
  return 0;
}
