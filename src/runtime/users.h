// SPDX-License-Identifier: Apache-2.0
// Who runs a container's program: names looked up in the container's own /etc/passwd and /etc/group.
// Threads: functions without state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs_at.h"

namespace strata::runtime {

struct User {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;  // supplementary, the primary one first, as docker has it
  std::string home = "/";
};

// Resolves "user[:group]", names or numbers (empty: root), and `more_groups`. The files are opened
// with open_in_root below `rootfs`; a missing file has no entries.
// Errors: kInvalid in docker's words, `unable to find user x: no matching entries in passwd file`,
// `uids and gids must be in range 0-2147483647`.
Result<User> resolve_user(const Fd& rootfs, const std::string& user,
                          const std::vector<std::string>& more_groups);
// The same over the files' texts.
Result<User> resolve_user(std::string_view passwd, std::string_view group, const std::string& user,
                          const std::vector<std::string>& more_groups);

}  // namespace strata::runtime
