// SPDX-License-Identifier: Apache-2.0
// EarlyLayer: unpacks a member of a stream into a staged layer while its bytes arrive.
// Threads: push and end by the thread that reads the stream; result() after end().
#pragma once

#include <memory>
#include <optional>

#include "archive/contents.h"
#include "base/queue.h"

namespace strata::archive {

class EarlyLayer {
 public:
  static Result<std::unique_ptr<EarlyLayer>> begin(store::Transaction& txn, Pool& pool,
                                                   BufferPool& buffers);
  ~EarlyLayer();

  // The next bytes of the member, perhaps compressed. What goes wrong shows in result() only.
  void push(const Slice& bytes) { (void)bytes_.push(bytes); }
  // The member is complete; unpacking may go on for a while.
  void end() { bytes_.close(); }
  // Waits for the end of unpacking.
  void wait() { (void)stage_.join().ok(); }
  // The layer, once. Errors: what unpacking met.
  Result<UnpackedEarly> result();

 private:
  EarlyLayer(store::StagedLayer staged, Pool& pool, BufferPool& buffers);
  Result<driver::UnpackedLayer> unpack();

  // What push() is given, as a source.
  class QueueSource;

  store::StagedLayer staged_;
  Pool& pool_;
  BufferPool& buffers_;
  BoundedQueue<Slice> bytes_;
  std::optional<Result<driver::UnpackedLayer>> unpacked_;
  Stage stage_;
};

}  // namespace strata::archive
