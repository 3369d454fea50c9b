// SPDX-License-Identifier: Apache-2.0
#include "store/parts.h"

namespace strata::store {

Result<FileLock> lock_layers(const Fd& root, FileLock::Mode mode) {
  STRATA_TRY(Fd file, open_at(root, "strata/layers.lock", O_RDWR | O_CREAT, 0600));
  return FileLock::acquire(std::move(file), mode).context("strata/layers.lock");
}

Result<bool> UsableLayers::check(const ChainId& chain) {
  std::vector<ChainId> seen;
  std::optional<ChainId> next = chain;
  while (next && !usable_.contains(*next)) {
    STRATA_TRY(std::optional<Layer> layer, parts_.layers.find(*next));
    if (!layer) return false;
    STRATA_TRY(bool has_files, parts_.driver->exists(layer->cache));
    if (!has_files) return false;
    seen.push_back(*next);
    next = layer->parent;
  }
  usable_.insert(seen.begin(), seen.end());
  return true;
}

}  // namespace strata::store
