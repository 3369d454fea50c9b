// SPDX-License-Identifier: Apache-2.0
// The sequential gzip decoder, taking over in the middle of a stream. Internal to codec/;
// make_gzip_decoder() of decoder.h begins at the beginning.
#pragma once

#include <memory>
#include <span>

#include "base/stream.h"

namespace strata::codec {

// A place at the beginning of a deflate block.
struct GzipResume {
  uint64_t member_begin;  // of the block's member, in the compressed stream
  uint64_t offset;        // of the first byte that `from` gives
  // What of the byte before it belongs to the block: its `bit_count` highest bits, shifted down.
  uint8_t bits;
  unsigned bit_count;
  std::span<const uint8_t> window;  // up to 32 KiB of the member's content before the block
  uint32_t crc;                     // of the member's content so far
  uint64_t size_bytes;              // its length
};

// Gives the content from there on. `from` is borrowed; the window is copied.
std::unique_ptr<ByteSource> resume_gzip_decoder(ByteSource& from, const GzipResume& at);

}  // namespace strata::codec
