// SPDX-License-Identifier: Apache-2.0
// What load and save report while they work.
#pragma once

#include <cstdint>

#include "hash/digest.h"

namespace strata::archive {

// Threads: the methods are called by any thread, also at the same time. They should be quick.
class LoadProgress {
 public:
  virtual ~LoadProgress() = default;
  // Of a stream, which is read before it is known which layers it brings. `total_bytes` 0: not
  // known beforehand. Not called any more when the first layer has started.
  virtual void archive_advanced(uint64_t /*bytes_done*/, uint64_t /*total_bytes*/) {}
  // `total_bytes` and `bytes_done` count the layer as it lies in the archive; 0: not known
  // beforehand.
  virtual void layer_started(const DiffId& layer, uint64_t total_bytes) = 0;
  virtual void layer_advanced(const DiffId& layer, uint64_t bytes_done) = 0;
  virtual void layer_finished(const DiffId& layer) = 0;
};

}  // namespace strata::archive
