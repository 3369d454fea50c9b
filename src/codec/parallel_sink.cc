// SPDX-License-Identifier: Apache-2.0
#include "codec/parallel_sink.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace strata::codec {

// The memory of a block. It goes from free_ to current_ to a job and back.
struct ParallelSink::Block {
  std::unique_ptr<BlockCompressor> compressor;
  std::unique_ptr<std::byte[]> in;
  size_t in_bytes = 0;
  std::unique_ptr<std::byte[]> out;
  size_t out_capacity = 0;
};

// One compression of one block. Shared with the pool task, which may come to it long after it is
// done and its block is in use elsewhere: it then finds `begun` set and touches nothing else.
struct ParallelSink::Job {
  std::unique_ptr<Block> block;
  Result<size_t> out_bytes = size_t{0};
  std::atomic<bool> begun{false};
  std::atomic<bool> done{false};

  void run_once() {
    if (begun.exchange(true)) return;
    out_bytes = block->compressor->compress({block->in.get(), block->in_bytes},
                                            {block->out.get(), block->out_capacity});
    done.store(true);
    done.notify_one();
  }
};

ParallelSink::ParallelSink(ByteSink& to, Pool& pool, size_t block_bytes, MakeCompressor make)
    : to_(to),
      pool_(pool),
      block_bytes_(block_bytes),
      max_blocks_(pool.jobs() + 2),
      make_(std::move(make)) {}

ParallelSink::~ParallelSink() = default;

Status ParallelSink::write(ByteSpan bytes) {
  while (!bytes.empty()) {
    if (!current_) STRATA_CHECK(begin_block());
    size_t count = std::min(bytes.size(), block_bytes_ - current_->in_bytes);
    std::memcpy(current_->in.get() + current_->in_bytes, bytes.data(), count);
    current_->in_bytes += count;
    bytes = bytes.subspan(count);
    if (current_->in_bytes == block_bytes_) STRATA_CHECK(submit());
  }
  return {};
}

Status ParallelSink::finish() {
  if (!current_ && !submitted_any_) STRATA_CHECK(begin_block());  // empty content is a block too
  if (current_) STRATA_CHECK(submit());
  while (!in_flight_.empty()) STRATA_CHECK(retire_oldest());
  return to_.finish();
}

Status ParallelSink::begin_block() {
  // What is ready goes out now; a reader at the other end of a pipe may be waiting for it.
  while (!in_flight_.empty() && in_flight_.front()->done.load()) STRATA_CHECK(retire_oldest());
  if (free_.empty() && made_blocks_ == max_blocks_) STRATA_CHECK(retire_oldest());
  if (free_.empty()) {
    auto block = std::make_unique<Block>();
    STRATA_TRY(block->compressor, make_());
    block->in = std::make_unique_for_overwrite<std::byte[]>(block_bytes_);
    block->out_capacity = block->compressor->bound(block_bytes_);
    block->out = std::make_unique_for_overwrite<std::byte[]>(block->out_capacity);
    free_.push_back(std::move(block));
    ++made_blocks_;
  }
  current_ = std::move(free_.back());
  free_.pop_back();
  current_->in_bytes = 0;
  return {};
}

Status ParallelSink::submit() {
  STRATA_CHECK(pool_.check_cancelled());
  auto job = std::make_shared<Job>();
  job->block = std::move(current_);
  in_flight_.push_back(job);
  submitted_any_ = true;
  pool_.run([job] { job->run_once(); });
  return {};
}

Status ParallelSink::retire_oldest() {
  std::shared_ptr<Job> job = std::move(in_flight_.front());
  in_flight_.pop_front();
  job->run_once();
  job->done.wait(false);
  STRATA_TRY(size_t out_bytes, std::move(job->out_bytes));
  STRATA_CHECK(to_.write({job->block->out.get(), out_bytes}));
  free_.push_back(std::move(job->block));
  return {};
}

}  // namespace strata::codec
