// SPDX-License-Identifier: Apache-2.0
#include "store/test_store.h"

#include <dirent.h>

#include <algorithm>

namespace strata::store {

std::vector<std::string> tree_of(const Store& store, const std::string& path) {
  std::vector<std::string> paths;
  std::vector<std::string> waiting = {path};
  while (!waiting.empty()) {
    std::string folder = std::move(waiting.back());
    waiting.pop_back();
    for (const DirEntry& entry : must(list_dir_at(store.root(), folder))) {
      paths.push_back(folder + "/" + entry.name);
      if (entry.type == DT_DIR) waiting.push_back(paths.back());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace strata::store
