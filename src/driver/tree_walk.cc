// SPDX-License-Identifier: Apache-2.0
#include "driver/tree_walk.h"

#include <algorithm>
#include <cstring>

namespace strata::driver {

Status TreeWalk::enter(std::string path, LayerStack::Folder folder) {
  Level level;
  level.path = std::move(path);
  level.folder = std::move(folder);
  STRATA_CHECK(stack_.list(level.folder, [&level](const std::string& name, size_t part) {
    level.order.push_back({static_cast<uint32_t>(level.names.size()), static_cast<uint32_t>(part)});
    level.names.append(name).push_back('\0');
  }));
  const char* names = level.names.data();
  std::sort(level.order.begin(), level.order.end(), [names](const Name& a, const Name& b) {
    return std::strcmp(names + a.offset, names + b.offset) < 0;
  });
  if (!levels_.empty()) levels_.back().folder.fds.clear();
  levels_.push_back(std::move(level));
  return {};
}

// The folder that next() gave last.
Status TreeWalk::enter_next() {
  const Level& level = levels_.back();
  std::string name = level.names.data() + level.order[level.next - 1].offset;
  STRATA_TRY(LayerStack::Folder folder, stack_.child(level.folder, name));
  return enter(level.path.empty() ? std::move(name) : level.path + "/" + name, std::move(folder));
}

Result<bool> TreeWalk::next(WalkEntry& entry) {
  if (levels_.empty()) {
    STRATA_TRY(LayerStack::Folder root, stack_.root());
    STRATA_CHECK(enter("", std::move(root)));
  } else if (std::exchange(into_folder_, false)) {
    STRATA_CHECK(enter_next().context("{}", entry.path));
  }
  while (levels_.back().next == levels_.back().order.size()) {
    if (levels_.size() == 1) return false;
    levels_.pop_back();
  }
  Level& level = levels_.back();
  if (level.folder.fds.empty()) {
    Status opened = stack_.reopen(level.folder, level.path);
    if (!opened.ok()) {
      level.next = level.order.size();  // so that the walk does not stand here forever
      return std::move(opened).error().add_context(level.path);
    }
  }
  const Name& name = level.order[level.next++];
  entry.name = level.names.data() + name.offset;
  entry.path = level.path.empty() ? entry.name : level.path + "/" + entry.name;
  entry.folder = level.folder.fds[name.part];
  STRATA_TRY(entry.info, lstat_at(*entry.folder, entry.name).context("{}", entry.path));
  into_folder_ = S_ISDIR(entry.info.st_mode);
  return true;
}

}  // namespace strata::driver
