// SPDX-License-Identifier: Apache-2.0
#include "driver/tree_size.h"

#include <unordered_set>

namespace strata::driver {

Result<uint64_t> tree_size_bytes(const Fd& root) {
  uint64_t total = 0;
  std::unordered_set<ino_t> linked;  // only inodes with more than one name need remembering
  std::vector<std::string> folders{"."};
  while (!folders.empty()) {
    std::string folder = std::move(folders.back());
    folders.pop_back();
    STRATA_TRY(Fd dir, open_in_root(root, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    auto add = [&](const DirEntry& entry) -> Status {
      STRATA_TRY(struct stat info, lstat_at(dir, entry.name));
      if (S_ISDIR(info.st_mode)) {
        folders.push_back(folder + "/" + entry.name);
      } else if (info.st_nlink == 1 || linked.insert(info.st_ino).second) {
        total += static_cast<uint64_t>(info.st_size);
      }
      return {};
    };
    STRATA_CHECK(visit_dir_at(dir, ".", add));
  }
  return total;
}

}  // namespace strata::driver
