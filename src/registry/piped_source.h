// SPDX-License-Identifier: Apache-2.0
// PipedSource: what one thread writes, as a source for another. Turns a producer (a layer that is
// read and compressed, a blob that is downloaded) into what an upload reads, without a temporary
// copy.
// Threads: the producer has its own; one reader.
// Memory:  kBlocks blocks of kBlockBytes.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/pool.h"
#include "base/queue.h"
#include "base/stream.h"

namespace strata::registry {

class PipedSource final : public ByteSource {
 public:
  using Produce = std::function<Status(ByteSink& to)>;

  static constexpr size_t kBlockBytes = 256 << 10;
  static constexpr size_t kBlocks = 6;

  // Starts `produce` at once.
  explicit PipedSource(Produce produce);
  // Ends the producer: its next write fails.
  ~PipedSource() override;

  // The end comes only if the producer has succeeded; else its error.
  Result<size_t> read(MutableByteSpan buffer) override;

 private:
  class Inlet;
  BoundedQueue<std::vector<std::byte>> queue_{kBlocks};
  std::vector<std::byte> block_;
  size_t used_ = 0;
  bool ended_ = false;
  Stage producer_;
};

}  // namespace strata::registry
