// SPDX-License-Identifier: Apache-2.0
#include "driver/tree_walk.h"

#include <algorithm>
#include <cstring>

namespace strata::driver {

Status TreeWalk::open_level(Level& level) const {
  if (level.fd != nullptr) return {};
  const std::string path = level.path.empty() ? "." : level.path;
  STRATA_TRY(Fd fd, open_in_root(root_, path, O_RDONLY | O_DIRECTORY, 0, Symlinks::kRefuse));
  level.fd = std::make_shared<const Fd>(std::move(fd));
  return {};
}

Status TreeWalk::enter(std::string path) {
  Level level;
  level.path = std::move(path);
  STRATA_CHECK(open_level(level));
  STRATA_CHECK(visit_dir_at(*level.fd, ".", [&](const DirEntry& entry) -> Status {
    level.order.push_back(static_cast<uint32_t>(level.names.size()));
    level.names.append(entry.name).push_back('\0');
    return {};
  }));
  const char* names = level.names.data();
  std::sort(level.order.begin(), level.order.end(),
            [names](uint32_t a, uint32_t b) { return std::strcmp(names + a, names + b) < 0; });
  if (!levels_.empty()) levels_.back().fd = nullptr;
  levels_.push_back(std::move(level));
  return {};
}

Result<bool> TreeWalk::next(WalkEntry& entry) {
  if (!begun_) {
    begun_ = true;
    STRATA_CHECK(enter(""));
  } else if (!descend_.empty()) {
    STRATA_CHECK(enter(std::exchange(descend_, {})));
  }
  while (levels_.back().next == levels_.back().order.size()) {
    if (levels_.size() == 1) return false;
    levels_.pop_back();
  }
  Level& level = levels_.back();
  STRATA_CHECK(open_level(level));
  entry.name = level.names.data() + level.order[level.next++];
  entry.path = level.path.empty() ? entry.name : level.path + "/" + entry.name;
  entry.folder = level.fd;
  STRATA_TRY(entry.info, lstat_at(*level.fd, entry.name).context("{}", entry.path));
  if (S_ISDIR(entry.info.st_mode)) descend_ = entry.path;
  return true;
}

}  // namespace strata::driver
