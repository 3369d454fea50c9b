// SPDX-License-Identifier: Apache-2.0
#include "driver/layer_unpacker.h"

#include "base/confine.h"
#include "base/queue.h"
#include "driver/layer_splitter.h"
#include "hash/sha256.h"

namespace strata::driver {
namespace {

// Blocks that wait in front of a stage. Enough that neither starves while the other works on a
// batch.
constexpr size_t kQueuedBlocks = 8;

}  // namespace

struct LayerUnpacker::Stages {
  Stages(UnpackTarget target, Pool& pool) : splitter(target, pool) {
    // What is made of the bytes of others is made by threads that can do nothing else.
    hasher.start([this] {
      confine_thread(
          {.folders = {}, .read_elsewhere = true});  // OpenSSL may want its configuration
      return hash();
    });
    parser.start([this, target] {
      confine_thread({{target.folder->get(), target.diff->get(), target.metadata->get()}});
      return split();
    });
  }

  Status hash() {
    while (std::optional<Slice> block = to_hash.pop()) sha256.update(block->bytes);
    return {};
  }

  Status split() {
    auto run = [this]() -> Status {
      STRATA_CHECK(splitter.begin());
      while (std::optional<Slice> block = to_split.pop()) STRATA_CHECK(splitter.take(*block));
      return {};
    };
    Status status = run();
    if (!status.ok()) abandon();  // so that push() does not wait for us
    return status;
  }

  void abandon() {
    to_split.abandon();
    to_hash.abandon();
  }

  LayerSplitter splitter;
  Sha256 sha256;
  BoundedQueue<Slice> to_hash{kQueuedBlocks};
  BoundedQueue<Slice> to_split{kQueuedBlocks};
  uint64_t tar_bytes = 0;
  bool finished = false;
  Stage hasher;
  Stage parser;
};

LayerUnpacker::LayerUnpacker(UnpackTarget target, Pool& pool)
    : stages_(std::make_unique<Stages>(target, pool)) {}

LayerUnpacker::~LayerUnpacker() {
  if (stages_->finished) return;
  stages_->abandon();
  (void)stages_->hasher.join().ok();
  (void)stages_->parser.join().ok();
}

bool LayerUnpacker::push(const Slice& bytes) {
  stages_->tar_bytes += bytes.bytes.size();
  return stages_->to_split.push(bytes) && stages_->to_hash.push(bytes);
}

Result<UnpackedLayer> LayerUnpacker::finish() {
  Stages& stages = *stages_;
  stages.to_hash.close();
  stages.to_split.close();
  stages.finished = true;
  Status hashed = stages.hasher.join();
  STRATA_CHECK(stages.parser.join());
  STRATA_CHECK(std::move(hashed));
  UnpackedLayer layer;
  layer.tar_bytes = stages.tar_bytes;
  layer.diff_id = DiffId(stages.sha256.finish());
  STRATA_TRY(layer.size_bytes, stages.splitter.finish(layer.tar_bytes));
  layer.warnings = stages.splitter.warnings();
  return layer;
}

Result<UnpackedLayer> unpack_layer(ByteSource& tar, UnpackTarget target, Pool& pool,
                                   BufferPool& buffers,
                                   const std::function<void(uint64_t)>& advanced) {
  LayerUnpacker unpacker(target, pool);
  uint64_t done = 0;
  while (true) {
    STRATA_CHECK(pool.check_cancelled());
    std::shared_ptr<std::byte[]> block = buffers.acquire();
    STRATA_TRY(size_t count, read_full(tar, {block.get(), buffers.block_bytes()}));
    if (count == 0) break;
    if (!unpacker.push({block, {block.get(), count}})) break;
    done += count;
    if (advanced) advanced(done);
  }
  return unpacker.finish();
}

}  // namespace strata::driver
