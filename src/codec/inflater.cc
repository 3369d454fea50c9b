// SPDX-License-Identifier: Apache-2.0
//   data    = block* last-block
//   block   = last[1] type[2] ( stored | codes | fixed ), bits of a byte from the lowest
//   stored  = padding to a byte, length[16] ~length[16] byte{length}
//   codes   = hlit[5] hdist[5] hclen[4] precode-length[3]{hclen + 4}
//             length-of-code{hlit + 257 + hdist + 1}, symbol*, end-of-block
//   fixed   = symbol*, end-of-block, in codes that the RFC gives
//   symbol  = literal | length extra-bits distance extra-bits
// Source: RFC 1951, section 3.2.
#include "codec/inflater.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace strata::codec {
namespace {

static_assert(std::endian::native == std::endian::little, "bits are loaded as 64-bit words");

constexpr unsigned kHeaderBits = 3;
constexpr size_t kMaxHlit = 286, kMaxHdist = 30;  // 287, 288 and 31, 32 have no meaning

uint64_t load_64(const uint8_t* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// At least 57 bits from there on.
uint64_t peek(const uint8_t* data, uint64_t bit) { return load_64(data + bit / 8) >> (bit % 8); }

uint64_t low_bits(uint64_t value, unsigned count) { return value & ((uint64_t{1} << count) - 1); }

struct CodeLengths {
  std::array<uint8_t, kMaxHlit + kMaxHdist + 138> bits;  // a run may lead behind the last
  size_t hlit = 0, hdist = 0;
  uint64_t end_bit = 0;

  std::span<const uint8_t> lengths() const { return {bits.data(), hlit}; }
  std::span<const uint8_t> distances() const { return {bits.data() + hlit, hdist}; }
};

constexpr std::array<uint8_t, 19> kPrecodeOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                   11, 4,  12, 3, 13, 2, 14, 1, 15};

bool read_precode(const uint8_t* data, uint64_t& bit, PrecodeTable& table) {
  size_t count = low_bits(peek(data, bit), 4) + 4;
  bit += 4;
  std::array<uint8_t, kPrecodeOrder.size()> bits{};
  uint64_t word = peek(data, bit);  // 19 * 3 bits are just what it has
  for (size_t i = 0; i < count; ++i, word >>= 3) bits[kPrecodeOrder[i]] = word & 7;
  bit += 3 * count;
  return fill_precode_table(bits, table);
}

// The lengths of a block's codes, from behind its three bits. False: they mean nothing.
bool read_code_lengths(const uint8_t* data, uint64_t bit, CodeLengths& codes) {
  uint64_t head = peek(data, bit);
  codes.hlit = low_bits(head, 5) + 257;
  codes.hdist = low_bits(head >> 5, 5) + 1;
  bit += 10;
  if (codes.hlit > kMaxHlit || codes.hdist > kMaxHdist) return false;
  PrecodeTable precode;
  if (!read_precode(data, bit, precode)) return false;
  size_t count = codes.hlit + codes.hdist;
  for (size_t i = 0; i < count;) {
    uint64_t word = peek(data, bit);
    uint32_t entry = precode[low_bits(word, 7)];
    unsigned used = entry & 0xff, symbol = entry >> 8;
    word >>= used;
    if (symbol < 16) {
      codes.bits[i++] = static_cast<uint8_t>(symbol);
      bit += used;
      continue;
    }
    struct Run {
      uint8_t extra_bits, base;
    };
    constexpr std::array<Run, 3> kRuns = {{{2, 3}, {3, 3}, {7, 11}}};
    const Run& run = kRuns[symbol - 16];
    if (symbol == 16 && i == 0) return false;
    uint8_t value = symbol == 16 ? codes.bits[i - 1] : 0;
    size_t times = run.base + low_bits(word, run.extra_bits);
    std::fill_n(codes.bits.begin() + static_cast<std::ptrdiff_t>(i), times, value);
    i += times;
    bit += used + run.extra_bits;
    if (i > count) return false;
  }
  codes.end_bit = bit;
  return true;
}

// The next bits of the input, without a branch. `held` has at least kMinBits of them behind
// refill(); what it has above those is right too.
struct BitBuffer {
  // Two refills a step.
  static constexpr uint64_t kMarginBytes = 2 * sizeof(uint64_t);
  static constexpr unsigned kMinBits = 56;

  BitBuffer(const uint8_t* data, uint64_t bit)
      : next(data + bit / 8 + 7), held(load_64(data + bit / 8) >> (bit % 8)), count(56 - bit % 8) {}

  void refill() {
    held |= load_64(next) << count;
    next += (63 - count) >> 3;
    count |= kMinBits;
  }
  uint64_t low(unsigned bits) const { return low_bits(held, bits); }
  void drop(uint32_t entry) {
    held >>= entry & 0xff;
    count -= entry & 0xff;
  }
  uint64_t position(const uint8_t* data) const {
    return static_cast<uint64_t>(next - data) * 8 - count;
  }

  const uint8_t* next;
  uint64_t held;
  unsigned count;
};

template <typename Table>
inline uint32_t follow_link(const Table& table, unsigned table_bits, uint32_t link, uint64_t bits) {
  return table[(link >> 16) + low_bits(bits >> table_bits, (link >> 8) & 0xf)];
}

// The length or distance of an entry, with its extra field.
inline uint32_t field_value(uint32_t entry, uint64_t bits) {
  uint64_t extra = low_bits(bits, entry & 0xff) >> ((entry >> 8) & 0xf);
  return (entry >> 16) + static_cast<uint32_t>(extra);
}

// Copies a match; may write kSlack symbols too many.
template <typename Symbol>
inline void copy_match(Symbol* out, size_t distance, size_t length) {
  constexpr size_t kStep = 16;
  Symbol* const end = out + length;
  if (distance >= kStep) [[likely]] {
    do {
      std::memcpy(out, out - distance, kStep * sizeof(Symbol));
      out += kStep;
    } while (out < end);
    return;
  }
  // The pattern repeats; from its first multiple of at least a step on, steps can be copied.
  size_t period = distance;
  while (period < kStep) period += distance;
  for (size_t i = 0; i < period - distance; ++i, ++out) *out = *(out - distance);
  for (; out < end; out += kStep) std::memcpy(out, out - period, kStep * sizeof(Symbol));
}

}  // namespace

bool Inflater::at_findable_block(const InflateInput& input) const {
  uint64_t header = low_bits(peek(input.data, bit_), kHeaderBits);
  return header == 4 || header == 0;
}

bool Inflater::read_header(const InflateInput& input, Stop& stop) {
  stop = Stop::kOddHeader;
  uint64_t head = peek(input.data, bit_);
  if (bit_ + kHeaderBits > input.end_bits) return false;
  unsigned type = low_bits(head >> 1, 2);
  bool last = (head & 1) != 0;
  if (type == 3) return false;
  if (type == 0) {
    uint64_t before = bit_;
    bit_ = (bit_ + kHeaderBits + 7) / 8 * 8;
    if (read_stored_length(input, stop)) {
      last_block_ = last;
      return true;
    }
    bit_ = before;
    stop = Stop::kOddHeader;
    return false;
  }
  if (type == 1) {
    use_fixed_codes();
    bit_ += kHeaderBits;
  } else if (!read_codes(input, bit_ + kHeaderBits)) {
    return false;
  }
  last_block_ = last;
  state_ = State::kCodes;
  return true;
}

bool Inflater::read_stored_length(const InflateInput& input, Stop& stop) {
  stop = Stop::kInvalid;
  if (bit_ + 32 > input.end_bits) return false;
  uint64_t head = peek(input.data, bit_);
  uint32_t length = low_bits(head, 16);
  if (length != (low_bits(head >> 16, 16) ^ 0xffff)) return false;
  bit_ += 32;
  stored_bytes_ = length;
  state_ = State::kStored;
  return true;
}

bool Inflater::read_codes(const InflateInput& input, uint64_t at) {
  CodeLengths codes;
  if (!read_code_lengths(input.data, at, codes) || codes.end_bit > input.end_bits) return false;
  if (!fill_length_table(codes.lengths(), lengths_) ||
      !fill_distance_table(codes.distances(), distances_)) {
    return false;
  }
  bit_ = codes.end_bit;
  return true;
}

void Inflater::use_fixed_codes() {
  std::array<uint8_t, kMaxLengthCodes> lengths;
  for (size_t i = 0; i < lengths.size(); ++i) {
    lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  }
  std::array<uint8_t, kMaxDistanceCodes> distances;
  distances.fill(5);
  (void)fill_length_table(lengths, lengths_);
  (void)fill_distance_table(distances, distances_);
}

template <typename Symbol>
bool Inflater::copy_stored(const InflateInput& input, InflateOutput<Symbol>& output, Stop& stop) {
  uint64_t limit = std::min(input.limit_bits, input.end_bits);
  uint64_t available = limit > bit_ ? (limit - bit_) / 8 : 0;
  uint64_t room = output.next < output.end ? static_cast<uint64_t>(output.end - output.next) : 0;
  size_t count = std::min<uint64_t>({stored_bytes_, available, room});
  const uint8_t* from = input.data + bit_ / 8;
  if constexpr (sizeof(Symbol) == 1) {
    std::memcpy(output.next, from, count);
  } else {
    std::copy_n(from, count, output.next);
  }
  output.next += count;
  bit_ += count * 8;
  stored_bytes_ -= static_cast<uint32_t>(count);
  if (stored_bytes_ == 0) {
    end_block();
    return true;
  }
  if (count == room) {
    stop = Stop::kFull;
  } else {
    stop = bit_ >= input.end_bits ? Stop::kTruncated : Stop::kLimit;
  }
  return false;
}

// Decodes while neither input nor output can come to an end within a step. An entry is looked up
// as early as can be, so that the load overlaps with the copy before it.
template <typename Symbol>
bool Inflater::decode_fast(const InflateInput& input, InflateOutput<Symbol>& output, Stop& stop) {
  const uint64_t limit = std::min(input.limit_bits, input.end_bits) / 8;
  const uint8_t* const in_end = input.data + limit - std::min(limit, BitBuffer::kMarginBytes);
  BitBuffer bits(input.data, bit_);
  Symbol* out = output.next;
  Symbol* const out_end = output.end;
  bool going = true;
  bits.refill();
  uint32_t entry = lengths_[bits.low(kLengthTableBits)];
  auto put_literal = [&] {
    *out++ = static_cast<uint8_t>(entry >> 16);
    bits.drop(entry);
    entry = lengths_[bits.low(kLengthTableBits)];
  };
  while (bits.next < in_end && out < out_end) {
    if ((entry & kLiteral) != 0) {  // at most 11 bits each
      put_literal();
      if ((entry & kLiteral) != 0) {
        put_literal();
        if ((entry & kLiteral) != 0) {
          put_literal();
          bits.refill();
          continue;
        }
      }
    }
    if ((entry & kExceptional) != 0) {
      if ((entry & kLink) != 0) entry = follow_link(lengths_, kLengthTableBits, entry, bits.held);
      if ((entry & kLiteral) != 0) {
        put_literal();
        bits.refill();
        continue;
      }
      if ((entry & kExceptional) != 0) {
        going = end_codes(entry, stop);
        if (going) bits.drop(entry);
        break;
      }
    }
    size_t length = field_value(entry, bits.held);
    bits.drop(entry);
    bits.refill();
    entry = distances_[bits.low(kDistanceTableBits)];
    if ((entry & kLink) != 0) entry = follow_link(distances_, kDistanceTableBits, entry, bits.held);
    size_t distance = field_value(entry, bits.held);
    if ((entry & kUndefined) != 0 || distance > static_cast<size_t>(out - output.history)) {
      going = end_codes(kUndefined, stop);
      break;
    }
    bits.drop(entry);
    bits.refill();
    entry = lengths_[bits.low(kLengthTableBits)];
    copy_match(out, distance, length);
    out += length;
  }
  bit_ = bits.position(input.data);
  output.next = out;
  return going;
}

// An entry that is neither literal nor length: true for the end of the block.
bool Inflater::end_codes(uint32_t entry, Stop& stop) {
  if ((entry & kEndOfBlock) == 0) {
    stop = Stop::kInvalid;
    return false;
  }
  end_block();
  return true;
}

// One symbol, with every check; nothing happens when it is not all there.
template <typename Symbol>
bool Inflater::decode_one(const InflateInput& input, InflateOutput<Symbol>& output, Stop& stop) {
  if (output.next >= output.end) {
    stop = Stop::kFull;
    return false;
  }
  uint64_t bit = bit_;
  auto next = [&](const auto& table, unsigned table_bits) {
    uint64_t word = peek(input.data, bit);
    uint32_t entry = table[low_bits(word, table_bits)];
    if ((entry & kLink) != 0) entry = follow_link(table, table_bits, entry, word);
    bit += entry & 0xff;
    bool is_field = (entry & (kLiteral | kExceptional)) == 0;
    return std::pair(entry, is_field ? field_value(entry, word) : entry >> 16 & 0xff);
  };
  auto [entry, value] = next(lengths_, kLengthTableBits);
  stop = Stop::kTruncated;
  if (bit > input.end_bits) return false;
  if ((entry & kLiteral) != 0) {
    *output.next++ = static_cast<uint8_t>(value);
    bit_ = bit;
    return true;
  }
  if ((entry & kExceptional) != 0) {
    bit_ = bit;
    return end_codes(entry, stop);
  }
  auto [distance_entry, distance] = next(distances_, kDistanceTableBits);
  if (bit > input.end_bits) return false;
  stop = Stop::kInvalid;
  if ((distance_entry & kUndefined) != 0) return false;
  if (distance > static_cast<size_t>(output.next - output.history)) return false;
  copy_match(output.next, distance, value);
  output.next += value;
  bit_ = bit;
  return true;
}

template <typename Symbol>
bool Inflater::decode_codes(const InflateInput& input, InflateOutput<Symbol>& output, Stop& stop) {
  if (!decode_fast(input, output, stop)) return false;
  while (state_ == State::kCodes) {
    if (bit_ >= input.limit_bits) {
      stop = bit_ >= input.end_bits ? Stop::kTruncated : Stop::kLimit;
      return false;
    }
    if (!decode_one(input, output, stop)) return false;
  }
  return true;
}

template <typename Symbol>
Inflater::Stop Inflater::run(const InflateInput& input, InflateOutput<Symbol>& output,
                             uint64_t stop_bits) {
  Stop stop{};
  bool going = true;
  while (going) {
    switch (state_) {
      case State::kHeader:
        if (bit_ >= stop_bits) return Stop::kBlock;
        if (bit_ >= input.limit_bits && bit_ < input.end_bits) return Stop::kLimit;
        going = read_header(input, stop);
        break;
      case State::kStoredLength:
        going = read_stored_length(input, stop);
        break;
      case State::kStored:
        going = copy_stored(input, output, stop);
        break;
      case State::kCodes:
        going = decode_codes(input, output, stop);
        break;
      case State::kEnd:
        return Stop::kEnd;
      case State::kInvalid:
        return Stop::kInvalid;
    }
  }
  if (stop == Stop::kInvalid) state_ = State::kInvalid;
  return stop;
}

template Inflater::Stop Inflater::run(const InflateInput&, InflateOutput<uint8_t>&, uint64_t);
template Inflater::Stop Inflater::run(const InflateInput&, InflateOutput<uint16_t>&, uint64_t);

bool is_dynamic_header(const uint8_t* data, uint64_t bit) {
  CodeLengths codes;
  if (!read_code_lengths(data, bit + kHeaderBits, codes)) return false;
  LengthTable lengths;
  DistanceTable distances;
  return fill_length_table(codes.lengths(), lengths) &&
         fill_distance_table(codes.distances(), distances);
}

void make_symbol_table(SymbolTable& table) {
  for (size_t i = 0; i < 256; ++i) table[i] = static_cast<uint8_t>(i);
}

namespace {

constexpr size_t kRun = 32;

// Written with words, because compilers vectorize such loops only at -O3.
inline bool run_is_bytes(const uint16_t* run) {
  constexpr uint64_t kMarkers = uint64_t{kMarker} * 0x0001'0001'0001'0001;
  std::array<uint64_t, kRun / 4> words;
  std::memcpy(words.data(), run, sizeof words);
  uint64_t any = ((words[0] | words[1]) | (words[2] | words[3])) |
                 ((words[4] | words[5]) | (words[6] | words[7]));
  return (any & kMarkers) == 0;
}

}  // namespace

bool all_bytes(std::span<const uint16_t> symbols) {
  // From the end, because there they are, if at all: copies of copies.
  for (; symbols.size() >= kRun; symbols = symbols.first(symbols.size() - kRun)) {
    if (!run_is_bytes(symbols.data() + symbols.size() - kRun)) return false;
  }
  return std::none_of(symbols.begin(), symbols.end(),
                      [](uint16_t symbol) { return symbol >= kMarker; });
}

void resolve(std::span<const uint16_t> symbols, const SymbolTable& table, uint8_t* out) {
  // Each word is read before the bytes are written that may lie in its place.
  size_t at = 0;
  for (; at + kRun <= symbols.size(); at += kRun) {
    const uint16_t* run = symbols.data() + at;
    if (run_is_bytes(run)) {
      std::array<uint8_t, kRun> bytes;
      for (size_t i = 0; i < kRun; ++i) bytes[i] = static_cast<uint8_t>(run[i]);
      std::memcpy(out + at, bytes.data(), kRun);
      continue;
    }
    for (size_t i = 0; i < kRun; i += 4) {
      uint64_t four;
      std::memcpy(&four, run + i, sizeof four);
      uint32_t bytes = table[four & 0xffff] | table[four >> 16 & 0xffff] << 8 |
                       table[four >> 32 & 0xffff] << 16 |
                       static_cast<uint32_t>(table[four >> 48]) << 24;
      std::memcpy(out + at + i, &bytes, sizeof bytes);
    }
  }
  for (; at < symbols.size(); ++at) out[at] = table[symbols[at]];
}

}  // namespace strata::codec
