// SPDX-License-Identifier: Apache-2.0
// The layers of a plan that a store lacks: listed, unpacked, added. What load, pull and a transfer
// between hosts have in common.
// Threads: one per call; stage_layer's rules hold.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/load_plan.h"
#include "store/store.h"

namespace strata::archive {

// A layer that the store lacks.
struct LayerJob {
  PlannedLayer layer;
  size_t layer_number;            // within its image, for messages
  std::optional<ChainId> parent;  // none: a base layer
  std::optional<UnpackedEarly> result = {};
};

struct LayerJobs {
  std::vector<LayerJob> missing;  // base first, each chain once
  std::vector<DiffId> here;       // held by the transaction from now on
};

Result<LayerJobs> list_layer_jobs(const LoadPlan& plan, const store::Store& store,
                                  store::Transaction& txn);

// What unpacking needs.
struct UnpackTools {
  store::Transaction& txn;
  Pool& pool;
  BufferPool& buffers;
};

// Unpacks a tar into a new staged layer. Any thread.
Result<UnpackedEarly> unpack_staged(ByteSource& tar, const UnpackTools& tools);
// Another layer with the same files, for the same diffID on other parents.
Result<UnpackedEarly> unpack_again(const UnpackedEarly& first, const UnpackTools& tools);

// Adds a layer that has its result, base first; still staged. Appends to `warnings` which xattrs
// the file system did not take. Errors: kCorrupt (it got another chainID than planned), those of
// Transaction::add_layer.
Status add_layer(LayerJob& job, store::Transaction& txn, std::vector<std::string>& warnings);

}  // namespace strata::archive
