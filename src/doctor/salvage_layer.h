// SPDX-License-Identifier: Apache-2.0
// SalvagedLayer: the best that can be had of a layer, tried in this order: as it is recorded; its files under another name; a copy from
// elsewhere; the tar that docker would make of the files, if it is the layer's; what the tar-split and the files still give
// (salvaged_tar.h); a new tar of the files; nothing.
// Threads: any thread may call salvage_layer and SalvagedLayer::write.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "doctor/layer_source.h"
#include "doctor/salvaged_tar.h"
#include "store/store.h"

namespace strata::doctor {

struct SalvagedLayer {
  DiffId was;
  DiffId is;
  uint64_t tar_bytes = 0;
  std::string source;           // where it came from, if that was not the root's own record
  std::vector<TarLoss> losses;  // none where `is` is `was`
  // The tar, `tar_bytes` of it, which has the diffID `is`. Errors: kCorrupt, kIo, those of the sink.
  std::function<Status(ByteSink&)> write;
};

struct SalvageContext {
  const store::Store& store;  // outlives the layers
  std::vector<LayerSource*> sources;
  Pool& pool;
  BufferPool& buffers;
  // Folders of layers whose records do not name them any more, as far as they could be worked out (rebuild.h).
  std::map<ChainId, std::string> folders = {};
};

// Never gives up: of a layer without files an empty one is made. Errors: kCancelled, and those of the sources.
Result<SalvagedLayer> salvage_layer(const ChainId& chain, const DiffId& diff,
                                    const SalvageContext& context);

}  // namespace strata::doctor
