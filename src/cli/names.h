// SPDX-License-Identifier: Apache-2.0
// Small texts that several lists share. Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hash/digest.h"
#include "oci/go_time.h"

namespace strata::cli {

inline constexpr std::string_view kNoName = "<none>";

// "sha256:…" or its first 12 digits.
template <typename Id>
std::string id_text(const Id& id, bool truncate) {
  return truncate ? id.short_hex() : id.to_string();
}

// "2 hours ago", counted from now; what lies beyond Go's durations is "292 years ago".
std::string ago(const oci::Time& time);

// At most `columns` characters, the last of them "…" if something was cut.
std::string ellipsis(std::string_view text, size_t columns);

// The tag of "app:1"; the digest of "app@sha256:…".
std::string_view tag_of(std::string_view reference);

}  // namespace strata::cli
