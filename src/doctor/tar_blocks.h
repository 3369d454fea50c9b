// SPDX-License-Identifier: Apache-2.0
// TarBlocks: the bytes of a tar that is made again out of pieces, in blocks, for whoever hashes them.
// Threads: one.
#pragma once

#include <functional>
#include <memory>

#include "base/buffer.h"

namespace strata::doctor {

// Puts the bytes of the tar into blocks, and hands these to whoever hashes them, until something was missing.
class TarBlocks {
 public:
  TarBlocks(BufferPool& buffers, std::function<void(Slice)> give)
      : buffers_(buffers), give_(std::move(give)) {}
  void add(ByteSpan bytes);
  // Room for bytes to be read into, at least one; added() says how many came.
  MutableByteSpan room();
  void added(size_t count);
  void flush();
  // The tar cannot be made again: nothing is given any more.
  void spoil() { spoilt_ = true; }
  bool spoilt() const { return spoilt_; }

 private:
  BufferPool& buffers_;
  const std::function<void(Slice)> give_;
  std::shared_ptr<std::byte[]> block_;
  size_t filled_ = 0;
  bool spoilt_ = false;
};

}  // namespace strata::doctor
