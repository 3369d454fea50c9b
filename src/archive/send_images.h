// SPDX-License-Identifier: Apache-2.0
// send: images from the store to another process over a wire, which asks for the layers it lacks.
//
//   we                          the other side
//   image, config … offered ─►
//                            ◄─ want … wanted        layers, each parent before its child
//   layer, data …, end      ─►                       one after the other; it unpacks meanwhile
//                            ◄─ layer done           verified there, and kept
//   commit                  ─►
//                            ◄─ finished             images, names and parents are published
//
// Threads: one per call; it uses the pool.
#pragma once

#include <string>
#include <vector>

#include "archive/progress.h"
#include "archive/transfer_messages.h"
#include "archive/wire.h"
#include "store/store.h"

namespace strata::archive {

struct SendOptions {
  std::vector<std::string> names;  // as for save: references or IDs
  codec::CompressionSpec compression;
  bool parents = true;               // also the images that they were built from, without names
  bool digests = false;              // and RepoDigests of the repositories that `names` name
  bool sizes = false;                // tell how large layers are, for a forecast over there
  LoadProgress* progress = nullptr;  // borrowed; may be null
};

struct SendReport {
  LoadReport received;                // our images; what the other side says about names that moved
  std::vector<DiffId> already_there;  // base first, each once
  size_t layers_sent = 0;
  uint64_t tar_bytes = 0;   // of these layers
  uint64_t wire_bytes = 0;  // as they were sent
};

// Errors: those of plan_save; kCorrupt, naming layer and file, for a damaged layer; what the other
// side tells; those of Wire. Layers that had fully arrived before an error are kept on the other side,
// and are not asked for again.
Result<SendReport> send_images(const store::Store& store, Wire& wire, const SendOptions& options,
                               Pool& pool);

}  // namespace strata::archive
