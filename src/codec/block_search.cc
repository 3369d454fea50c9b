// SPDX-License-Identifier: Apache-2.0
// A dynamic header is looked for at each of eight bit offsets of a byte. What is cheap to ask comes
// first: three bits say the type, ten the numbers of codes, and the lengths of the precode must add
// up to a complete code (Kraft); of random data one place in some hundred gets so far, and hardly
// any further.
// Source: RFC 1951, section 3.2.7; the order of the questions: rapidgzip (Knespel and Brunst, 2023).
#include "codec/block_search.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "codec/inflater.h"

namespace strata::codec {
namespace {

uint64_t load_64(const uint8_t* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// What four code lengths of three bits use up of a code of at most 7 bits, in 1/128. A byte will
// do: what is more than 128 need not be exact.
constexpr std::array<uint8_t, 4096> kUsedByFour = [] {
  std::array<uint8_t, 4096> used{};
  for (unsigned four = 0; four < used.size(); ++four) {
    unsigned sum = 0;
    for (unsigned shift = 0; shift < 12; shift += 3) {
      unsigned length = (four >> shift) & 7;
      if (length > 0) sum += 128u >> length;
    }
    used[four] = static_cast<uint8_t>(std::min(sum, 255u));
  }
  return used;
}();

// `head`: the first 64 bits of a block, `lengths`: those from bit 17 on. Without branches: at which
// question a place fails cannot be predicted.
bool precode_is_complete(uint64_t head, uint64_t lengths) {
  unsigned count = ((head >> 13) & 15) + 4;
  lengths &= (uint64_t{1} << (3 * count)) - 1;
  unsigned used = kUsedByFour[lengths & 0xfff] + kUsedByFour[lengths >> 12 & 0xfff] +
                  kUsedByFour[lengths >> 24 & 0xfff] + kUsedByFour[lengths >> 36 & 0xfff] +
                  kUsedByFour[lengths >> 48];
  return (used == 128) & (((head >> 3) & 31) <= 29) & (((head >> 8) & 31) <= 29);
}

// The first of the 48 bits at `data`, not before `from`, where a dynamic block that is not the last
// may begin.
std::optional<unsigned> find_dynamic(const uint8_t* data, unsigned from) {
  uint64_t low = load_64(data), high = load_64(data + 8);
  uint64_t low_lengths = load_64(data + 2), high_lengths = load_64(data + 10);
  uint64_t types = ~low & ~(low >> 1) & (low >> 2) & ((uint64_t{1} << 48) - 1);
  for (types = types >> from << from; types != 0; types &= types - 1) {
    unsigned bit = static_cast<unsigned>(std::countr_zero(types));
    uint64_t head = low >> bit | high << 1 << (63 - bit);
    uint64_t lengths = low_lengths >> (bit + 1) | high_lengths << (63 - bit);
    if (precode_is_complete(head, lengths) && is_dynamic_header(data, bit)) return bit;
  }
  return std::nullopt;
}

// Whether a length field of a stored block may stand here.
bool is_stored_length(const uint8_t* data) {
  uint32_t head;
  std::memcpy(&head, data, sizeof head);
  return ((head ^ head >> 16) & 0xffff) == 0xffff;
}

// False: none of the seven bytes at `data` is the first of a stored block's length field.
bool may_have_stored_length(const uint8_t* data) {
  constexpr uint64_t kOnes = 0x0101'0101'0101'0101;
  uint64_t differing = ~(load_64(data) ^ load_64(data + 2));
  // The highest bit of each byte that is zero; a byte above a zero one may be set too.
  uint64_t zeros = (differing - kOnes) & ~differing & kOnes << 7;
  return (zeros & zeros >> 8) != 0;
}

bool is_stored(const uint8_t* data, size_t size_bytes, size_t at) {
  size_t length = data[at] | data[at + 1] << 8;
  size_t next = at + 4 + length;
  if (next + 8 > size_bytes) return length != 0 && at + 4 <= size_bytes;
  if ((data[next] & 7) == 4) return is_dynamic_header(data, next * 8);
  return (data[next] & 7) == 0 && is_stored_length(data + next + 1);
}

}  // namespace

std::optional<BlockStart> find_block(const uint8_t* data, size_t size_bytes, uint64_t from_bit,
                                     uint64_t to_bit) {
  constexpr size_t kStep = 6;
  for (size_t at = from_bit / 8; at * 8 < to_bit; at += kStep) {
    uint64_t base = at * 8;
    unsigned from = base < from_bit ? static_cast<unsigned>(from_bit - base) : 0;
    std::optional<unsigned> dynamic = find_dynamic(data + at, from);
    size_t byte = may_have_stored_length(data + at) ? std::max<size_t>(at, 1) : at + kStep;
    for (; byte < at + kStep; ++byte) {
      if ((data[byte - 1] & 0xe0) != 0 || !is_stored_length(data + byte)) continue;
      uint64_t bit = byte * 8;
      if (bit < from_bit || bit >= to_bit || (dynamic && base + *dynamic < bit)) continue;
      if (is_stored(data, size_bytes, byte)) return BlockStart{true, bit};
    }
    if (dynamic && base + *dynamic < to_bit) return BlockStart{false, base + *dynamic};
  }
  return std::nullopt;
}

}  // namespace strata::codec
