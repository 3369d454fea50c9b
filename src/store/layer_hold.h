// SPDX-License-Identifier: Apache-2.0
// LayerHold: while it lives, the files of a layer and of those below it stay, also when the image is
// removed meanwhile. For readers: it writes nothing, so it works on a root that is read-only.
// Shape:   a shared flock on the layer's record, layerdb/sha256/<chainid>. Rules: docs/store.md, "Leases".
// Threads: any. Other processes: whoever removes never waits for it, and comes back later; a dockerd
//          does not know of it.
// Crash:   ends with its process.
#pragma once

#include <optional>

#include "base/lock.h"
#include "store/store.h"

namespace strata::store {

class LayerHold {
 public:
  // Errors: kNotFound, when the layer is not there (any more); kInvalid (no folder), kIo and the
  // like.
  static Result<LayerHold> take(const Store& store, const ChainId& top);

 private:
  explicit LayerHold(std::optional<FileLock> lock) : lock_(std::move(lock)) {}
  std::optional<FileLock> lock_;  // empty where flock fails: then it is read as it is
};

}  // namespace strata::store
