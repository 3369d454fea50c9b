// SPDX-License-Identifier: Apache-2.0
#include "store/layer_hold.h"

#include <sys/stat.h>

#include <chrono>
#include <thread>

namespace strata::store {
namespace {

constexpr int kAttempts = 50;
constexpr std::chrono::milliseconds kPause(2);

Error gone(const ChainId& chain) {
  return error(ErrorCode::kNotFound, "layer does not exist: {}", chain);
}

}  // namespace

Result<LayerHold> LayerHold::take(const Store& store, const ChainId& top) {
  const std::string path = store.layers().path_of(top.hex());
  Result<Fd> record = open_dir_at(store.root(), path).context("layer {}", top);
  if (!record.ok() && record.error().code() == ErrorCode::kNotFound) return gone(top);
  if (!record.ok()) return std::move(record).error();
  STRATA_TRY(struct stat held, stat_fd(record->get()));
  for (int attempt = 0;; ++attempt) {
    STRATA_TRY(Fd file, record->duplicate());
    Result<std::optional<FileLock>> lock =
        FileLock::try_acquire(std::move(file), FileLock::Mode::kShared);
    if (!lock.ok()) return LayerHold(std::nullopt);
    // A removal that was before us has renamed it by now.
    Result<struct stat> now = lstat_at(store.root(), path);
    if (!now.ok() && now.error().code() != ErrorCode::kNotFound) return std::move(now).error();
    if (!now.ok() || now->st_ino != held.st_ino || now->st_dev != held.st_dev) return gone(top);
    if (*lock) return LayerHold(std::move(*lock));
    // Somebody removes it, or looks whether it can be removed. If he was stopped there, its image is
    // gone already.
    if (attempt == kAttempts) return gone(top);
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace strata::store
