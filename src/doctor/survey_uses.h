// SPDX-License-Identifier: Apache-2.0
// Who else uses a root: BuildKit's database, living operations of strata, mounts of any process, a dockerd. Inside of survey.h.
// Threads: one at a time.
#pragma once

#include <functional>

#include "doctor/place.h"

namespace strata::doctor {

// Fills everything of the survey that begins with "who". Waits for no lock, and holds none when it returns.
void read_uses(const Fd& root, Survey& survey, Troubles& troubles);

// The folders of the driver's home that a text of /proc/<pid>/mountinfo names. cache-ids and links are random, so that they mean the
// same layer by whatever path another mount namespace sees it; only a root that is seen to be another one, such as a copy of
// this one, does not count: `is_other` says so of a path before "/<home>/".
//   mountinfo := lines "ID parent major:minor root TARGET options … - overlay SOURCE …,lowerdir=A:B,upperdir=…"
// Source: proc(5), "/proc/pid/mountinfo".
void add_mounted(std::string_view mountinfo, const Survey& survey,
                 const std::function<bool(const std::string& root)>& is_other,
                 std::set<std::string>& mounted);

}  // namespace strata::doctor
