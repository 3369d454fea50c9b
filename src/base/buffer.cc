// SPDX-License-Identifier: Apache-2.0
#include "base/buffer.h"

namespace strata {

std::shared_ptr<std::byte[]> BufferPool::acquire() {
  std::unique_ptr<std::byte[]> block;
  {
    auto state = state_.lock();
    state.wait(returned_, [&] { return !state->free.empty() || state->made < count_; });
    if (state->free.empty()) {
      ++state->made;
    } else {
      block = std::move(state->free.back());
      state->free.pop_back();
    }
  }
  // Not value-initialised: a block is written before it is read.
  if (block == nullptr) block.reset(new std::byte[block_bytes_]);
  return {block.release(), [this](std::byte* raw) { give_back(raw); }};
}

void BufferPool::give_back(std::byte* block) {
  {
    // Notified under the lock: the pool may be destroyed as soon as its last block is back.
    auto state = state_.lock();
    state->free.emplace_back(block);
    returned_.notify_one();
  }
}

}  // namespace strata
