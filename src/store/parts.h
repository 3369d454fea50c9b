// SPDX-License-Identifier: Apache-2.0
// The inside of a Store, at one address for its whole life: what transactions, removal and recovery
// work on. Not for users of the store.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "base/lock.h"
#include "store/store.h"
#include "store/unsynced.h"

namespace strata::store {

struct Parts {
  Parts(Fd root_fd, std::string path, const std::string& driver_name)
      : root(std::move(root_fd)),
        root_path(std::move(path)),
        image_folder("image/" + driver_name),
        layers(root, image_folder + "/layerdb"),
        images(root, image_folder + "/imagedb"),
        distribution(root, image_folder + "/distribution"),
        reference_file(root, image_folder + "/repositories.json"),
        unsynced(root) {}
  Parts(const Parts&) = delete;

  void step(std::string_view name) const {
    if (on_step) on_step(name);
  }

  const Fd root;
  const std::string root_path;
  const std::string image_folder;
  const LayerDb layers;
  const ImageDb images;
  const DistributionDb distribution;
  const ReferenceFile reference_file;
  std::unique_ptr<driver::Driver> driver;
  Access access = Access::kRead;
  bool wait_for_disk = false;
  mutable Unsynced unsynced;
  std::optional<FileLock> daemon_lock;  // shared, on volumes/metadata.db
  std::function<void(std::string_view)> on_step;
};

// Held exclusively by a running dockerd, shared by writers of ours: neither starts beside the
// other.
inline constexpr std::string_view kDaemonLock = "volumes/metadata.db";
// For small writes of who opened the store for reading: shared, and none where neither a dockerd
// nor a writer of ours has ever been. Errors: kBusy when a dockerd is running.
Result<std::optional<FileLock>> keep_daemon_out(const Fd& root);

// Held shared while a lease is written, exclusively while layers are published or made to vanish.
// Short. Never taken while the references' lock is held.
Result<FileLock> lock_layers(const Fd& root, FileLock::Mode mode);

// Answers "can this layer be used as it is", remembering what it has seen.
class UsableLayers {
 public:
  explicit UsableLayers(const Parts& parts) : parts_(parts) {}
  // Records are sound down to the base, the folders of the files are there and lie on each other,
  // and none of them is suspect (Unsynced).
  Result<bool> check(const ChainId& chain);

 private:
  const Parts& parts_;
  std::map<ChainId, CacheId> usable_;
};

// Reads the suspect ones of a layer and those below it, and trusts what is as it should be. Takes
// as long as reading them does; nothing to do in nearly every case. Without layers.lock.
Status verify_suspects(const Parts& parts, const ChainId& chain);

}  // namespace strata::store
