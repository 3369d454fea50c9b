// SPDX-License-Identifier: Apache-2.0
#include "cli/names.h"

#include <algorithm>

#include "cli/units.h"
#include "oci/json_cursor.h"
#include "store/references.h"

namespace strata::cli {

std::string ago(const oci::Time& time) {
  constexpr int64_t kMostSeconds = INT64_MAX / 1'000'000'000;
  int64_t seconds = oci::current_time().seconds - time.seconds;
  seconds = std::clamp(seconds, -kMostSeconds, kMostSeconds);
  return human_duration(std::chrono::seconds(seconds)) + " ago";
}

std::string ellipsis(std::string_view text, size_t columns) {
  size_t count = 0;
  size_t cut = 0;  // where the last character that stays ends
  for (size_t at = 0; at < text.size(); ++count) {
    if (count + 1 == columns) cut = at;
    at += std::max<size_t>(1, oci::utf8_length(text.substr(at)));
  }
  return count <= columns ? std::string(text) : std::string(text.substr(0, cut)) + "…";
}

std::string_view tag_of(std::string_view reference) {
  std::string_view name = store::repository_of(reference);
  return name.size() < reference.size() ? reference.substr(name.size() + 1) : std::string_view();
}

}  // namespace strata::cli
