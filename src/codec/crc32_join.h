// SPDX-License-Identifier: Apache-2.0
// The CRC-32 of gzip, of pieces that were computed apart. Internal to codec/.
// Threads: pure functions.
#pragma once

#include <cstdint>

namespace strata::codec {

// The CRC-32 of A and B in a row, from that of A, that of B, and the length of B.
uint32_t join_crc32(uint32_t crc_a, uint32_t crc_b, uint64_t b_bytes);

}  // namespace strata::codec
