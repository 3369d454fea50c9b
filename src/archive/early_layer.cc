// SPDX-License-Identifier: Apache-2.0
#include "archive/early_layer.h"

#include <algorithm>
#include <cstring>

#include "codec/decompress.h"

namespace strata::archive {
namespace {

constexpr size_t kQueuedBlocks = 8;

}  // namespace

class EarlyLayer::QueueSource final : public ByteSource {
 public:
  explicit QueueSource(BoundedQueue<Slice>& queue) : queue_(queue) {}

  Result<size_t> read(MutableByteSpan buffer) override {
    while (rest_.bytes.empty()) {
      std::optional<Slice> next = queue_.pop();
      if (!next) return size_t{0};
      rest_ = std::move(*next);
    }
    size_t count = std::min(buffer.size(), rest_.bytes.size());
    std::memcpy(buffer.data(), rest_.bytes.data(), count);
    rest_.bytes = rest_.bytes.subspan(count);
    if (rest_.bytes.empty()) rest_.block.reset();  // back to its pool
    return count;
  }

 private:
  BoundedQueue<Slice>& queue_;
  Slice rest_;
};

Result<std::unique_ptr<EarlyLayer>> EarlyLayer::begin(store::Transaction& txn, Pool& pool,
                                                      BufferPool& buffers, EarlyOptions options) {
  STRATA_TRY(store::StagedLayer staged, txn.stage_layer());
  return std::unique_ptr<EarlyLayer>(
      new EarlyLayer(std::move(staged), pool, buffers, std::move(options)));
}

EarlyLayer::EarlyLayer(store::StagedLayer staged, Pool& pool, BufferPool& buffers,
                       EarlyOptions options)
    : staged_(std::move(staged)),
      pool_(pool),
      buffers_(buffers),
      options_(std::move(options)),
      bytes_(kQueuedBlocks) {
  stage_.start([this]() -> Status {
    unpacked_ = unpack();
    bytes_.abandon();  // after a failure: whoever pushes does not wait for us
    return {};
  });
}

EarlyLayer::~EarlyLayer() {
  bytes_.abandon();
  (void)stage_.join().ok();
}

Result<driver::UnpackedLayer> EarlyLayer::unpack() {
  QueueSource arriving(bytes_);
  std::unique_ptr<ByteSource> tar;
  if (options_.compression) {
    tar = codec::make_decompressor(*options_.compression, arriving);
  } else if (options_.helpers != nullptr) {
    STRATA_TRY(tar, codec::open_decompressed(arriving, *options_.helpers));
  } else {
    STRATA_TRY(tar, codec::open_decompressed(arriving));
  }
  driver::UnpackTarget target{&staged_.folder, &staged_.diff, &staged_.metadata};
  return driver::unpack_layer(*tar, target, pool_, buffers_, options_.advanced);
}

Result<UnpackedEarly> EarlyLayer::result() {
  STRATA_CHECK(stage_.join());
  STRATA_TRY(driver::UnpackedLayer layer, std::move(*unpacked_));
  return UnpackedEarly{std::move(staged_), std::move(layer)};
}

}  // namespace strata::archive
