// SPDX-License-Identifier: Apache-2.0
#include "store/parts.h"

#include "driver/layer_reader.h"
#include "store/our_files.h"

namespace strata::store {

Result<std::optional<FileLock>> keep_daemon_out(const Fd& root) {
  Result<Fd> file = open_at(root, std::string(kDaemonLock), O_RDONLY);
  if (!file.ok() && file.error().code() == ErrorCode::kNotFound) return std::optional<FileLock>();
  if (!file.ok()) return std::move(file).error();
  STRATA_TRY(std::optional<FileLock> lock,
             FileLock::try_acquire(std::move(file).value(), FileLock::Mode::kShared));
  if (lock) return lock;
  return error(ErrorCode::kBusy, "a dockerd is running on this root and holds {}", kDaemonLock);
}

Result<FileLock> lock_layers(const Fd& root, FileLock::Mode mode) {
  return lock_in_root(root, "layers", mode);
}

Result<bool> UsableLayers::check(const ChainId& chain) {
  std::map<ChainId, CacheId> seen;
  const CacheId* above = nullptr;
  std::optional<ChainId> next = chain;
  while (next) {
    auto place = usable_.find(*next);
    const bool known = place != usable_.end();
    std::optional<ChainId> parent;
    if (!known) {
      STRATA_TRY(std::optional<Layer> layer, parts_.layers.find(*next));
      if (!layer) return false;
      STRATA_TRY(bool suspect, parts_.unsynced.is_suspect(*next, layer->cache));
      if (suspect) return false;
      STRATA_TRY(bool whole, parts_.driver->can_carry(layer->cache));
      if (!whole) return false;
      place = seen.emplace(*next, layer->cache).first;
      parent = layer->parent;
    }
    if (above != nullptr) {
      STRATA_TRY(bool lies, parts_.driver->lies_on(*above, place->second));
      if (!lies) return false;
    }
    if (known) break;  // and so is all below it
    above = &place->second;
    next = parent;
  }
  usable_.merge(seen);
  return true;
}

namespace {

constexpr size_t kBlockBytes = 256 * 1024;
constexpr size_t kBlocks = 16;

// Errors: kCorrupt when it is not what it should be.
Status verify(const Parts& parts, const Layer& layer, BufferPool& buffers, const Pool& pool) {
  STRATA_TRY(Fd files, parts.driver->open_files(layer.cache));
  STRATA_TRY(Fd split, parts.layers.open_tar_split(layer.chain));
  return driver::verify_layer({&files, &split}, layer.diff, buffers, pool);
}

}  // namespace

Status verify_suspects(const Parts& parts, const ChainId& chain) {
  for (std::optional<ChainId> next = chain; next;) {
    STRATA_TRY(std::optional<Layer> layer, parts.layers.find(*next));
    if (!layer) return {};
    STRATA_TRY(bool suspect, parts.unsynced.is_suspect(layer->chain, layer->cache));
    if (suspect) {
      BufferPool buffers(kBlockBytes, kBlocks);
      Pool pool(1);
      // Whatever is wrong with it, it stays a layer that cannot be used.
      if (!verify(parts, *layer, buffers, pool).ok()) return {};
      parts.unsynced.trust(layer->chain, layer->cache);
    }
    next = layer->parent;
  }
  return {};
}

}  // namespace strata::store
