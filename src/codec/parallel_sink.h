// SPDX-License-Identifier: Apache-2.0
// ParallelSink: cuts what is written into blocks, has them compressed at the same time, and writes
// the results in order. Internal to codec/; the rules are those of make_parallel_compressor().
//
// A block is compressed by whoever comes first: the pool task that was queued for it, or the
// writing thread when it needs that block next and finds it untouched. So the writing thread never
// sits idle behind its own tasks in the pool's queue; it waits for blocks that a worker is
// compressing at this moment, and, as everybody, while the queue is full (Pool::run).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "base/pool.h"
#include "base/stream.h"
#include "codec/block_compressor.h"

namespace strata::codec {

class ParallelSink final : public ByteSink {
 public:
  using MakeCompressor = std::function<Result<std::unique_ptr<BlockCompressor>>()>;

  // `to` and `pool` are borrowed. `make` is called at most pool.jobs() + 2 times, by write().
  ParallelSink(ByteSink& to, Pool& pool, size_t block_bytes, MakeCompressor make);
  ~ParallelSink() override;

  Status write(ByteSpan bytes) override;
  Status finish() override;

 private:
  struct Block;
  struct Job;

  // Makes current_ a block that can be filled; waits for the oldest job when there are too many.
  Status begin_block();
  // Queues current_ for compression.
  Status submit();
  // Ends the oldest job, compressing its block here if nobody has begun with it; writes its result.
  Status retire_oldest();

  ByteSink& to_;
  Pool& pool_;
  const size_t block_bytes_;
  const size_t max_blocks_;
  const MakeCompressor make_;
  size_t made_blocks_ = 0;
  bool submitted_any_ = false;
  std::unique_ptr<Block> current_;
  std::vector<std::unique_ptr<Block>> free_;
  std::deque<std::shared_ptr<Job>> in_flight_;  // oldest first
};

}  // namespace strata::codec
