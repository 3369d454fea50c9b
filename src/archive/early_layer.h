// SPDX-License-Identifier: Apache-2.0
// EarlyLayer: unpacks a member of a stream into a staged layer while its bytes arrive.
// Threads: push and end by the thread that reads the stream; result() after end().
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "archive/contents.h"
#include "base/queue.h"
#include "codec/compression.h"
#include "codec/parallel_gunzip.h"

namespace strata::archive {

struct EarlyOptions {
  std::optional<codec::Compression> compression;  // none: by the first bytes
  std::function<void(uint64_t)> advanced;         // with the bytes of the tar so far; may be empty
  codec::GunzipHelpers* helpers = nullptr;        // for gzip that is found by the first bytes
};

class EarlyLayer {
 public:
  static Result<std::unique_ptr<EarlyLayer>> begin(store::Transaction& txn, Pool& pool,
                                                   BufferPool& buffers, EarlyOptions options = {});
  ~EarlyLayer();

  // The next bytes of the member, perhaps compressed. False: unpacking has ended before the bytes
  // did; result() says why.
  bool push(const Slice& bytes) { return bytes_.push(bytes); }
  // The member is complete; unpacking may go on for a while.
  void end() { bytes_.close(); }
  // Waits for the end of unpacking.
  void wait() { (void)stage_.join().ok(); }
  // The layer, once. Errors: what unpacking met.
  Result<UnpackedEarly> result();

 private:
  EarlyLayer(store::StagedLayer staged, Pool& pool, BufferPool& buffers, EarlyOptions options);
  Result<driver::UnpackedLayer> unpack();

  // What push() is given, as a source.
  class QueueSource;

  store::StagedLayer staged_;
  Pool& pool_;
  BufferPool& buffers_;
  const EarlyOptions options_;
  BoundedQueue<Slice> bytes_;
  std::optional<Result<driver::UnpackedLayer>> unpacked_;
  Stage stage_;
};

}  // namespace strata::archive
