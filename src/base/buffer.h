// SPDX-License-Identifier: Apache-2.0
// BufferPool: the byte budget of a pipeline. Memory is bounded because every block comes from here
// and goes back.
// Threads: any.
#pragma once

#include <condition_variable>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/guarded.h"

namespace strata {

class BufferPool;

// Part of a block that stays alive as long as somebody holds such a slice of it.
struct Slice {
  std::shared_ptr<std::byte[]> block;
  ByteSpan bytes;

  Slice part(size_t offset, size_t size_bytes) const {
    return {block, bytes.subspan(offset, size_bytes)};
  }
};

class BufferPool {
 public:
  // `count` blocks of `block_bytes` each, made when first needed. The pool must outlive all blocks.
  BufferPool(size_t block_bytes, size_t count) : block_bytes_(block_bytes), count_(count) {}
  ~BufferPool() = default;

  size_t block_bytes() const { return block_bytes_; }

  // Waits for a free block. It comes back to the pool when its last holder lets go.
  std::shared_ptr<std::byte[]> acquire();

 private:
  struct State {
    std::vector<std::unique_ptr<std::byte[]>> free;
    size_t made = 0;
  };
  void give_back(std::byte* block);

  const size_t block_bytes_;
  const size_t count_;
  Guarded<State> state_;
  std::condition_variable returned_;
};

}  // namespace strata
