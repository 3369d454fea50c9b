// SPDX-License-Identifier: Apache-2.0
// BlockCompressor: turns one block into one gzip member or one zstd frame. Internal to codec/.
// Threads: one at a time per object.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/result.h"

namespace strata::codec {

class BlockCompressor {
 public:
  virtual ~BlockCompressor() = default;

  // No result for a block of `size_bytes` is longer than this.
  virtual size_t bound(size_t size_bytes) const = 0;
  // Compresses the whole block into `out`, which has bound() bytes; returns how many are used.
  // The same block always gives the same result.
  virtual Result<size_t> compress(ByteSpan block, MutableByteSpan out) = 0;
};

// Memory: what the compressor's tables need is taken now (gzip) or with the first block (zstd).
// Errors: kIo when there is no memory. The level must be one that exists.
Result<std::unique_ptr<BlockCompressor>> make_gzip_block_compressor(int level);
Result<std::unique_ptr<BlockCompressor>> make_zstd_block_compressor(int level);

}  // namespace strata::codec
