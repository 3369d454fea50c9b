// SPDX-License-Identifier: Apache-2.0
// Times as docker's tables and templates show them.
// Source:  Go's time package: Time.String() and the RFC3339 layout. The zone is the process's own
// (TZ). Threads: pure functions, but for the system's zone data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace strata::cli {

// An instant in the local zone: "2026-11-21 20:01:09 +0000 UTC" (CreatedAt of images).
std::string local_time_string(int64_t unix_seconds);
// "2026-11-21T20:01:09Z", "2026-11-21T20:01:09+09:00" (CreatedAt of history).
std::string local_rfc3339(int64_t unix_seconds);
// An RFC 3339 time as Time.String(): "2026-11-21 20:01:07.209790857 +0000 UTC". Where its offset is
// that of the local zone it gets that zone's name, else the offset stands for the name. Text that
// is no time comes back as it is.
std::string go_time_string(std::string_view rfc3339);

}  // namespace strata::cli
