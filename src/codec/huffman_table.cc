// SPDX-License-Identifier: Apache-2.0
// Source: RFC 1951, sections 3.2.2 (codes from their lengths) and 3.2.5 (lengths and distances).
#include "codec/huffman_table.h"

#include <algorithm>

namespace strata::codec {
namespace {

constexpr size_t kEndOfBlockSymbol = 256;

struct Field {
  uint16_t base;
  uint8_t extra_bits;
};

constexpr std::array<Field, 29> kLengths = {
    {{3, 0},  {4, 0},  {5, 0},  {6, 0},   {7, 0},   {8, 0},   {9, 0},   {10, 0},  {11, 1}, {13, 1},
     {15, 1}, {17, 1}, {19, 2}, {23, 2},  {27, 2},  {31, 2},  {35, 3},  {43, 3},  {51, 3}, {59, 3},
     {67, 4}, {83, 4}, {99, 4}, {115, 4}, {131, 5}, {163, 5}, {195, 5}, {227, 5}, {258, 0}}};

constexpr std::array<Field, 30> kDistances = {
    {{1, 0},     {2, 0},     {3, 0},     {4, 0},      {5, 1},      {7, 1},
     {9, 2},     {13, 2},    {17, 3},    {25, 3},     {33, 4},     {49, 4},
     {65, 5},    {97, 5},    {129, 6},   {193, 6},    {257, 7},    {385, 7},
     {513, 8},   {769, 8},   {1025, 9},  {1537, 9},   {2049, 10},  {3073, 10},
     {4097, 11}, {6145, 11}, {8193, 12}, {12289, 12}, {16385, 13}, {24577, 13}}};

uint32_t field_entry(const Field& field, unsigned bits) {
  return static_cast<uint32_t>(field.base) << 16 | bits << 8 | (bits + field.extra_bits);
}

uint32_t length_entry(size_t symbol, unsigned bits) {
  if (symbol < kEndOfBlockSymbol) return kLiteral | static_cast<uint32_t>(symbol) << 16 | bits;
  if (symbol == kEndOfBlockSymbol) return kEndOfBlock | bits;
  size_t index = symbol - kEndOfBlockSymbol - 1;
  return index < kLengths.size() ? field_entry(kLengths[index], bits) : kUndefined | bits;
}

uint32_t distance_entry(size_t symbol, unsigned bits) {
  return symbol < kDistances.size() ? field_entry(kDistances[symbol], bits) : kUndefined | bits;
}

uint32_t precode_entry(size_t symbol, unsigned bits) {
  return static_cast<uint32_t>(symbol) << 8 | bits;
}

// The next code in canonical order; the code's first bit is the lowest one.
unsigned next_code(unsigned code, unsigned bits) {
  unsigned bit = 1u << (bits - 1);
  while ((code & bit) != 0) bit >>= 1;
  return bit == 0 ? 0 : (code & (bit - 1)) | bit;
}

enum class Code { kComplete, kEmpty, kSingleBit, kWrong };

using Counts = std::array<uint16_t, kMaxCodeBits + 1>;

Code judge(const Counts& count) {
  unsigned used = 0, symbols = 0;
  for (unsigned bits = 1; bits <= kMaxCodeBits; ++bits) {
    used += static_cast<unsigned>(count[bits]) << (kMaxCodeBits - bits);
    symbols += count[bits];
  }
  if (used == 1u << kMaxCodeBits) return Code::kComplete;
  if (symbols == 0) return Code::kEmpty;
  return symbols == 1 && count[1] == 1 ? Code::kSingleBit : Code::kWrong;
}

// Symbols by the length of their codes, then by their number.
template <size_t kSize>
void sort_symbols(std::span<const uint8_t> lengths, const Counts& count,
                  std::array<uint16_t, kSize>& sorted) {
  Counts at{};
  for (unsigned bits = 1; bits < kMaxCodeBits; ++bits) {
    at[bits + 1] = static_cast<uint16_t>(at[bits] + count[bits]);
  }
  for (size_t symbol = 0; symbol < lengths.size(); ++symbol) {
    if (lengths[symbol] != 0) sorted[at[lengths[symbol]]++] = static_cast<uint16_t>(symbol);
  }
}

template <unsigned kTableBits, typename Table, typename MakeEntry>
Code fill(std::span<const uint8_t> lengths, Table& table, MakeEntry make_entry) {
  Counts count{};
  for (uint8_t bits : lengths) ++count[bits];
  count[0] = 0;
  Code kind = judge(count);
  if (kind == Code::kWrong) return kind;
  if (kind != Code::kComplete) std::fill_n(table.begin(), 1u << kTableBits, kUndefined | 1);
  std::array<uint16_t, kMaxLengthCodes> sorted;
  sort_symbols(lengths, count, sorted);

  unsigned longest = kMaxCodeBits;
  while (longest > 0 && count[longest] == 0) --longest;
  const unsigned sub_bits = longest > kTableBits ? longest - kTableBits : 0;
  constexpr unsigned kMask = (1u << kTableBits) - 1;
  size_t end = size_t{1} << kTableBits;  // of the subtables so far
  unsigned code = 0, linked = ~0u;
  size_t subtable = 0;
  const uint16_t* symbol = sorted.data();
  for (unsigned bits = 1; bits <= longest; ++bits) {
    for (unsigned n = 0; n < count[bits]; ++n, code = next_code(code, bits)) {
      uint32_t entry = make_entry(*symbol++, bits);
      if (bits <= kTableBits) {
        for (size_t i = code; i <= kMask; i += size_t{1} << bits) table[i] = entry;
        continue;
      }
      if ((code & kMask) != linked) {
        linked = code & kMask;
        subtable = end;
        end += size_t{1} << sub_bits;
        table[linked] = kLink | static_cast<uint32_t>(subtable) << 16 | sub_bits << 8 | kTableBits;
      }
      for (size_t i = code >> kTableBits; i < size_t{1} << sub_bits;
           i += size_t{1} << (bits - kTableBits)) {
        table[subtable + i] = entry;
      }
    }
  }
  return kind;
}

}  // namespace

bool fill_length_table(std::span<const uint8_t> lengths, LengthTable& table) {
  if (lengths.size() <= kEndOfBlockSymbol || lengths[kEndOfBlockSymbol] == 0) return false;
  return fill<kLengthTableBits>(lengths, table, length_entry) == Code::kComplete;
}

bool fill_distance_table(std::span<const uint8_t> lengths, DistanceTable& table) {
  return fill<kDistanceTableBits>(lengths, table, distance_entry) != Code::kWrong;
}

bool fill_precode_table(std::span<const uint8_t> lengths, PrecodeTable& table) {
  return fill<7>(lengths, table, precode_entry) == Code::kComplete;
}

}  // namespace strata::codec
