// SPDX-License-Identifier: Apache-2.0
// What of the system's cgroups a container can be given.
// Shape:   /sys/fs/cgroup is one cgroup2, or a tmpfs with a folder for each controller (v1), perhaps
//          with a cgroup2 at `unified` (hybrid). Source: cgroups(7).
// Threads: functions without state.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace strata::runtime {

struct Cgroups {
  bool writable = false;  // a container can have a cgroup of its own, and sees it
  bool unified = false;   // cgroup2 alone
  // Mount points that the runtime must not see: crun refuses hybrid systems, and is content with
  // the v1 part.
  std::vector<std::string> hide;
  // Where the runtime must see an empty file system: crun fails where there is neither a cgroup2 nor
  // a tmpfs, also when it shall use none.
  std::vector<std::string> cover;
  std::string why_not;  // when not writable, for users
};

Cgroups look_at_cgroups();

// The name of a container's cgroup, which lies at the top of each hierarchy.
std::string cgroup_name(const std::string& id);
// Removes the folders of that name. They are empty when all programs have ended; absent is fine.
Status remove_cgroup(const std::string& name);

}  // namespace strata::runtime
