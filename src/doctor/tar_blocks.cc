// SPDX-License-Identifier: Apache-2.0
#include "doctor/tar_blocks.h"

#include <algorithm>
#include <cstring>

namespace strata::doctor {

void TarBlocks::add(ByteSpan bytes) {
  while (!bytes.empty() && !spoilt_) {
    MutableByteSpan space = room();
    const size_t count = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), count);
    added(count);
    bytes = bytes.subspan(count);
  }
}

MutableByteSpan TarBlocks::room() {
  if (block_ == nullptr) block_ = buffers_.acquire();
  return {block_.get() + filled_, buffers_.block_bytes() - filled_};
}

void TarBlocks::added(size_t count) {
  filled_ += count;
  if (filled_ == buffers_.block_bytes()) flush();
}

void TarBlocks::flush() {
  if (filled_ > 0 && !spoilt_) {
    give_({block_, {block_.get(), filled_}});
    block_ = nullptr;
  }
  filled_ = 0;
}

}  // namespace strata::doctor
