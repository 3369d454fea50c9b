// SPDX-License-Identifier: Apache-2.0
// The middle of load: the layers that the store lacks, unpacked in parallel.
#pragma once

#include "archive/load_plan.h"
#include "archive/progress.h"
#include "store/store.h"

namespace strata::archive {

struct UnpackContext {
  store::Store& store;
  store::Transaction& txn;
  Pool& pool;
  BufferPool& buffers;
  LoadProgress* progress;  // may be null
};

// Holds the layers that the store has, unpacks the others, each once for each chain, and adds them
// to the transaction, base first. Returns warnings (xattrs that the file system does not take).
// Errors: kInvalid (`invalid diffID for layer N: expected ..., got ...`), kNotFound (a file that
// the archive lacks), those of unpacking, naming the file.
Result<std::vector<std::string>> unpack_missing_layers(LoadPlan& plan, Contents& contents,
                                                       UnpackContext context);

}  // namespace strata::archive
