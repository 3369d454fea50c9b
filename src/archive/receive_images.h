// SPDX-License-Identifier: Apache-2.0
// receive: images from another process into the store; the other end of send_images.h.
// Threads: one per call; it uses the pool.
// Crash:   the store is as before or as after (store::Transaction). Layers that had fully arrived
//          are kept (kept_layer.h), so that they need not be sent again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/load.h"
#include "archive/wire.h"

namespace strata::archive {

struct ReceiveOptions {
  // What we asked for; other images and names are refused. None: whatever comes.
  std::optional<std::vector<std::string>> asked;
  LoadProgress* progress = nullptr;  // borrowed; may be null
  bool digests = false;              // RepoDigests that come along are believed; else left out
  std::optional<oci::Platform> platform = {};  // of all images that were named; none: any
};

struct ReceiveReport {
  LoadReport loaded;
  std::vector<DiffId> already_here;  // base first, each once
  size_t layers_received = 0;
  uint64_t wire_bytes = 0;
};

// Takes what send_images offers, and tells the other side how it ended.
// Errors: kCorrupt (a config or layer is not what its digest says), kInvalid (what the other side
// says makes no sense, or was not asked for), kNotFound (an image for another platform), what it
// tells, those of Wire and of the store.
Result<ReceiveReport> receive_images(store::Store& store, Wire& wire, const ReceiveOptions& options,
                                     Pool& pool);

}  // namespace strata::archive
