// SPDX-License-Identifier: Apache-2.0
#include "build/selection.h"

namespace strata::build {

std::optional<Selection> select(const SourceList& list, size_t folder,
                                const std::optional<PathPattern>& include,
                                const IgnoreMatcher& excludes) {
  // The folders from `folder` down to where we are.
  struct Level {
    size_t index;
    std::string path;  // relative to `folder`, with a '/' behind it; empty for that itself
    bool is_included;  // by what is above
    IgnoreMatcher::FolderState state;
  };
  Selection taken(list.size(), false);
  taken[folder] = true;
  bool any = false;
  std::vector<Level> levels;
  levels.push_back({folder, "", !include.has_value(), excludes.top()});
  for (size_t i = folder + 1; i < list[folder].end; ++i) {
    while (list[levels.back().index].end <= i) levels.pop_back();
    const Level& above = levels.back();
    std::string path = above.path + std::string(list.name(i));
    const bool is_included = above.is_included || include->matches(path);
    IgnoreMatcher::FolderState state;
    const bool is_out = excludes.leaves_out(above.state, path, &state);
    if (is_included && !is_out) {
      any = true;
      for (size_t at = i; !taken[at]; at = list[at].parent) taken[at] = true;
    }
    if (!list[i].is_folder()) continue;
    if (is_out && !excludes.holds_exceptions(path)) {
      i = list[i].end - 1;
      continue;
    }
    levels.push_back({i, path + "/", is_included, std::move(state)});
  }
  if (!any && include) return std::nullopt;
  return taken;
}

}  // namespace strata::build
