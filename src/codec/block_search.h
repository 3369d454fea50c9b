// SPDX-License-Identifier: Apache-2.0
// Finds where a deflate block may begin in the middle of a stream. Internal to codec/.
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace strata::codec {

struct BlockStart {
  bool stored;
  uint64_t bit;  // of the block's three header bits; of a stored block: of its length field
};

// The first place in [from_bit, to_bit) where a block of one of these kinds begins, as far as one
// can tell from its header, and from the header behind it for a stored block:
//   - dynamic codes that are all complete, not the last block
//   - stored, not the last block, padded with zeros, followed by a block of these two kinds
// A place that is found is a guess; one that is not is no proof. `size_bytes` can be looked at, and
// InflateInput::kReadableBytes behind them can be read.
std::optional<BlockStart> find_block(const uint8_t* data, size_t size_bytes, uint64_t from_bit,
                                     uint64_t to_bit);

}  // namespace strata::codec
