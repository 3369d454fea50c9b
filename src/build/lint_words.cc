// SPDX-License-Identifier: Apache-2.0
#include "build/lint_words.h"

#include <algorithm>
#include <array>
#include <vector>

#include "build/words.h"

namespace strata::build {
namespace {

// Levenshtein's distance: insertions, deletions and replacements of one byte.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

bool is_lower(std::string_view word) { return to_lower(word) == word; }

bool is_one_case(std::string_view word) { return is_lower(word) || to_upper(word) == word; }

std::string most_similar(std::string_view name, const std::set<std::string>& known) {
  std::string out;
  size_t nearest = 3;
  for (const std::string& each : known) {
    const size_t distance = edit_distance(name, each);
    if (distance >= nearest) continue;
    nearest = distance;
    out = each;
  }
  return out;
}

bool names_a_secret(std::string_view name) {
  static constexpr std::array<std::string_view, 10> kSecret{
      "apikey", "auth",     "credential", "credentials", "key",
      "passwd", "password", "pword",      "secret",      "token"};
  static constexpr std::array<std::string_view, 3> kHarmless{"file", "public", "version"};
  const std::string lower = to_lower(name);
  bool secret = false;
  for (std::string_view rest = lower; !rest.empty();) {
    const size_t end = std::min(rest.find('_'), rest.size());
    const std::string_view word = rest.substr(0, end);
    if (std::find(kHarmless.begin(), kHarmless.end(), word) != kHarmless.end()) return false;
    secret |= std::find(kSecret.begin(), kSecret.end(), word) != kSecret.end();
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return secret;
}

bool is_remote(std::string_view source) {
  for (const std::string_view prefix : {"http://", "https://", "git://", "ssh://", "git@"}) {
    if (source.starts_with(prefix)) return true;
  }
  return false;
}

}  // namespace strata::build
