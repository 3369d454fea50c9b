// SPDX-License-Identifier: Apache-2.0
#include "store/parts.h"

#include "driver/layer_reader.h"
#include "hash/sha256.h"

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
  STRATA_TRY(Fd file, open_at(root, "strata/layers.lock", O_RDWR | O_CREAT, 0600));
  return FileLock::acquire(std::move(file), mode).context("strata/layers.lock");
}

Result<bool> UsableLayers::check(const ChainId& chain) {
  std::map<ChainId, CacheId> seen;
  const CacheId* above = nullptr;
  std::optional<ChainId> next = chain;
  while (next) {
    auto known = usable_.find(*next);
    if (known != usable_.end()) {
      if (above != nullptr) {
        STRATA_TRY(bool lies, parts_.driver->lies_on(*above, known->second));
        if (!lies) return false;
      }
      break;
    }
    STRATA_TRY(std::optional<Layer> layer, parts_.layers.find(*next));
    if (!layer || parts_.unsynced.is_suspect(*next, layer->cache)) return false;
    STRATA_TRY(bool whole, parts_.driver->can_carry(layer->cache));
    if (!whole) return false;
    if (above != nullptr) {
      STRATA_TRY(bool lies, parts_.driver->lies_on(*above, layer->cache));
      if (!lies) return false;
    }
    above = &seen.emplace(*next, layer->cache).first->second;
    next = layer->parent;
  }
  usable_.merge(seen);
  return true;
}

namespace {

// Errors: kCorrupt when it is not what it should be.
Status verify_layer(const Parts& parts, const Layer& layer) {
  constexpr size_t kBlockBytes = 256 * 1024;
  STRATA_TRY(Fd files, parts.driver->open_files(layer.cache));
  STRATA_TRY(Fd split, parts.layers.open_tar_split(layer.chain));
  std::unique_ptr<ByteSource> tar = driver::open_layer_tar({&files, &split});
  std::vector<std::byte> block(kBlockBytes);
  Sha256 hash;
  for (size_t count = 1; count > 0;) {
    STRATA_TRY(count, tar->read(block));
    hash.update(std::span(block).first(count));
  }
  DiffId found(hash.finish());
  if (found == layer.diff) return {};
  return error(ErrorCode::kCorrupt, "layer {}: expected diffID {}, got {}", layer.chain, layer.diff,
               found);
}

}  // namespace

Status verify_suspects(const Parts& parts, const ChainId& chain) {
  for (std::optional<ChainId> next = chain; next;) {
    STRATA_TRY(std::optional<Layer> layer, parts.layers.find(*next));
    if (!layer) return {};
    if (parts.unsynced.is_suspect(layer->chain, layer->cache)) {
      // Whatever is wrong with it, it stays a layer that cannot be used.
      if (!verify_layer(parts, *layer).ok()) return {};
      parts.unsynced.trust(layer->chain, layer->cache);
    }
    next = layer->parent;
  }
  return {};
}

}  // namespace strata::store
