// SPDX-License-Identifier: Apache-2.0
// Inflater: decodes deflate data and can begin and stop where ISA-L's decoder cannot: at any block,
// with a window that is not known yet. Internal to codec/.
//
// The output lies behind kWindowBytes symbols of history. A symbol is a byte, or, where the history
// is not known, 16 bits wide: a byte, or kMarker + the place in the history whose byte belongs here
// (both move by the same copies; resolve() puts the bytes in afterwards).
//
// It is stricter than ISA-L: a code that is not complete is kOddHeader. What it decodes, ISA-L
// decodes to the same bytes; who meets kOddHeader asks ISA-L.
// Source:  RFC 1951. Markers: the idea of pugz (Kerbiriou and Chikhi, 2019).
// Threads: values.
#pragma once

#include "base/bytes.h"
#include "codec/huffman_table.h"

namespace strata::codec {

inline constexpr size_t kWindowBytes = 32 * 1024;
inline constexpr uint16_t kMarker = 0x8000;

// Compressed data in memory.
struct InflateInput {
  // So many bytes behind the limit must be readable; those behind the end have any value. No
  // header is longer (17 + 19 * 3 + 316 * 14 bits and a word), and no symbol.
  static constexpr size_t kReadableBytes = 640;

  const uint8_t* data;
  uint64_t limit_bits;  // no header, symbol or stored byte that begins here or behind is decoded
  uint64_t end_bits;    // here the stream ends; at the limit or behind it
};

// Where output goes. The last match may lead behind `end`, and up to kSlack symbols there are
// overwritten with anything.
template <typename Symbol>
struct InflateOutput {
  static constexpr size_t kSlack = 320;

  const Symbol* history;  // the oldest symbol to which a distance may lead
  Symbol* next;           // advanced
  Symbol* end;
};

class Inflater {
 public:
  enum class Stop {
    kBlock,      // at the beginning of a block, at or behind stop_bits
    kLimit,      // at or behind the input's limit
    kFull,       // no more room for output
    kEnd,        // behind the last block
    kOddHeader,  // at the beginning of a block whose header is damaged, cut or unusual
    kInvalid,    // within a block: data that mean nothing, or a distance beyond the history
    kTruncated,  // within a block: the stream's end
  };

  // At the beginning of a block that begins at this bit of the input.
  void start(uint64_t bit) {
    bit_ = bit;
    state_ = State::kHeader;
  }
  // At the length of a stored block, behind its three bits and the padding. The block is not the
  // last.
  void start_stored(uint64_t bit) {
    bit_ = bit;
    last_block_ = false;
    state_ = State::kStoredLength;
  }

  // Decodes until one of the reasons to stop. Called again without a change, it gives the same one.
  template <typename Symbol>
  Stop run(const InflateInput& input, InflateOutput<Symbol>& output, uint64_t stop_bits);

  // At a block: whether find_block() looks for such ones (dynamic or stored, not the last).
  bool at_findable_block(const InflateInput& input) const;
  bool at_block() const { return state_ == State::kHeader; }
  bool at_end() const { return state_ == State::kEnd; }
  // The next bit of the input.
  uint64_t bit() const { return bit_; }
  // The input now begins `bytes` later.
  void rebase(uint64_t bytes) { bit_ -= bytes * 8; }

 private:
  enum class State : uint8_t { kHeader, kStoredLength, kStored, kCodes, kEnd, kInvalid };

  // Each returns true to go on, false with `stop` set.
  bool read_header(const InflateInput& input, Stop& stop);
  bool read_stored_length(const InflateInput& input, Stop& stop);
  bool read_codes(const InflateInput& input, uint64_t at);
  void use_fixed_codes();
  template <typename Symbol>
  bool copy_stored(const InflateInput& input, InflateOutput<Symbol>& output, Stop& stop);
  template <typename Symbol>
  bool decode_codes(const InflateInput& input, InflateOutput<Symbol>& output, Stop& stop);
  template <typename Symbol>
  bool decode_fast(const InflateInput& input, InflateOutput<Symbol>& output, Stop& stop);
  template <typename Symbol>
  bool decode_one(const InflateInput& input, InflateOutput<Symbol>& output, Stop& stop);
  bool end_codes(uint32_t entry, Stop& stop);
  void end_block() { state_ = last_block_ ? State::kEnd : State::kHeader; }

  uint64_t bit_ = 0;
  State state_ = State::kHeader;
  bool last_block_ = false;
  uint32_t stored_bytes_ = 0;  // of a stored block, still to be copied
  LengthTable lengths_;
  DistanceTable distances_;
};

// Whether a block header that is worth a try (dynamic codes, not the last block, all codes
// complete) begins at this bit, if its three bits say so. kReadableBytes behind it must be readable.
bool is_dynamic_header(const uint8_t* data, uint64_t bit);

// True when none of the symbols is a marker.
bool all_bytes(std::span<const uint16_t> symbols);

// The byte of each symbol: the bytes themselves, and from kMarker on the window before the marked
// output, which the caller writes there. make_symbol_table() fills in the bytes.
using SymbolTable = std::array<uint8_t, size_t{kMarker} + kWindowBytes>;
void make_symbol_table(SymbolTable& table);

// Writes the byte of each symbol to `out`, which may be the memory of the symbols themselves.
void resolve(std::span<const uint16_t> symbols, const SymbolTable& table, uint8_t* out);

}  // namespace strata::codec
