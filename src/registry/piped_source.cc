// SPDX-License-Identifier: Apache-2.0
#include "registry/piped_source.h"

#include <algorithm>
#include <cstring>

namespace strata::registry {

// Collects small writes into blocks.
class PipedSource::Inlet final : public ByteSink {
 public:
  explicit Inlet(BoundedQueue<std::vector<std::byte>>& queue) : queue_(queue) {}

  Status write(ByteSpan bytes) override {
    while (!bytes.empty()) {
      size_t count = std::min(bytes.size(), kBlockBytes - block_.size());
      if (block_.empty()) block_.reserve(kBlockBytes);
      block_.insert(block_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count));
      bytes = bytes.subspan(count);
      if (block_.size() == kBlockBytes) STRATA_CHECK(flush());
    }
    return {};
  }
  Status flush() {
    if (block_.empty()) return {};
    std::vector<std::byte> full;
    full.swap(block_);
    if (queue_.push(std::move(full))) return {};
    return error(ErrorCode::kCancelled, "nobody reads any more");
  }

 private:
  BoundedQueue<std::vector<std::byte>>& queue_;
  std::vector<std::byte> block_;
};

PipedSource::PipedSource(Produce produce) {
  producer_.start([this, produce = std::move(produce)] {
    Inlet inlet(queue_);
    Status status = produce(inlet);
    if (status.ok()) status = inlet.flush();
    queue_.close();
    return status;
  });
}

PipedSource::~PipedSource() {
  queue_.abandon();
  if (!ended_) (void)producer_.join().ok();  // its reader has left; nobody wants to know
}

Result<size_t> PipedSource::read(MutableByteSpan buffer) {
  if (used_ == block_.size()) {
    if (ended_) return size_t{0};
    std::optional<std::vector<std::byte>> next = queue_.pop();
    if (!next) {
      ended_ = true;
      STRATA_CHECK(producer_.join());
      return size_t{0};
    }
    block_ = std::move(*next);
    used_ = 0;
  }
  size_t count = std::min(buffer.size(), block_.size() - used_);
  std::memcpy(buffer.data(), block_.data() + used_, count);
  used_ += count;
  return count;
}

}  // namespace strata::registry
