// SPDX-License-Identifier: Apache-2.0
// Tables with which the Huffman codes of deflate are decoded, a symbol a lookup. Internal to codec/.
//
// A table is looked up with the next bits of the stream, the first bit lowest. Codes longer than
// the table's bits go on in a subtable. An entry holds all that its symbol needs:
//   bits 0..7    bits to consume: the code's, and those of the extra field behind it
//   bits 8..11   the code's own bits; of a link: the bits of the subtable's index
//   bits 12..14  kEndOfBlock, kLink, kUndefined: all but literals, lengths and distances
//   bits 16..30  the literal, the base of the length or distance, or where the subtable begins
//   bit 31       kLiteral
// Threads: values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace strata::codec {

inline constexpr uint32_t kLiteral = 1u << 31;
inline constexpr uint32_t kEndOfBlock = 1u << 12;
inline constexpr uint32_t kLink = 1u << 13;
inline constexpr uint32_t kUndefined = 1u << 14;
inline constexpr uint32_t kExceptional = kEndOfBlock | kLink | kUndefined;

inline constexpr unsigned kMaxCodeBits = 15;
inline constexpr unsigned kLengthTableBits = 11;
inline constexpr unsigned kDistanceTableBits = 9;
inline constexpr size_t kMaxLengthCodes = 288;
inline constexpr size_t kMaxDistanceCodes = 32;

// A subtable has the bits that the longest code has more than the table, so at most 16 and 64
// entries. The codes are complete, so at least two of them share a subtable.
using LengthTable = std::array<uint32_t, (1u << kLengthTableBits) + kMaxLengthCodes / 2 * 16>;
using DistanceTable = std::array<uint32_t, (1u << kDistanceTableBits) + kMaxDistanceCodes / 2 * 64>;

// Fill a table for codes of these lengths (0: no such symbol). False: the lengths are not a
// complete prefix code, or the end of the block has no code. Distances may have a single code of
// one bit, or none at all, as for zlib; what has no code is then kUndefined.
bool fill_length_table(std::span<const uint8_t> lengths, LengthTable& table);
bool fill_distance_table(std::span<const uint8_t> lengths, DistanceTable& table);

// The code of code lengths (at most 7 bits): symbol << 8 | bits. False: not complete.
using PrecodeTable = std::array<uint32_t, 1u << 7>;
bool fill_precode_table(std::span<const uint8_t> lengths, PrecodeTable& table);

}  // namespace strata::codec
