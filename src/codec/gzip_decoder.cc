// SPDX-License-Identifier: Apache-2.0
// gzip, decoded by ISA-L; the wrapper around the deflate data is ours.
//
//   file    = member+ zero*
//   member  = 1f 8b 08 flags mtime[4] xfl os [extra] [name] [comment] [hcrc] deflate crc isize
//   flags   = bit 0 FTEXT, 1 FHCRC, 2 FEXTRA, 3 FNAME, 4 FCOMMENT; the others are zero
//   extra   = length[2] byte{length}
//   name    = nonzero* 00
//   comment = nonzero* 00
//   hcrc    = lower 16 bits of the CRC-32 of all header bytes before it
//   crc     = CRC-32 of the content, 4 bytes
//   isize   = length of the content modulo 2^32, 4 bytes
// Numbers are little-endian.
// Source: RFC 1952. Zero bytes behind the last member: GNU gzip (tape padding).
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>

#include "codec/decoder.h"

namespace strata::codec {
namespace {

constexpr uint8_t kFlagHcrc = 0x02;
constexpr uint8_t kFlagExtra = 0x04;
constexpr uint8_t kFlagName = 0x08;
constexpr uint8_t kFlagComment = 0x10;
constexpr uint8_t kFlagsReserved = 0xe0;
constexpr size_t kFixedHeaderBytes = 10;
constexpr size_t kTrailerBytes = 8;

// ISA-L counts a member's bytes in 32 bits, and its portable decoder refuses a match that reaches
// further back than that count, which is good data behind a wrap at 4 GiB. So we count ourselves
// and keep its count between a window's size and the wrap.
constexpr uint32_t kCountHighBytes = 1u << 30;
constexpr uint32_t kCountLowBytes = 1u << 20;
constexpr size_t kMaxCallBytes = 1u << 28;

uint32_t little_endian_32(const uint8_t* bytes) {
  return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | static_cast<uint32_t>(bytes[3]) << 24;
}

class GzipDecoder final : public Decoder {
 public:
  explicit GzipDecoder(ByteSource& from)
      : Decoder(from, "gzip"), state_(std::make_unique<inflate_state>()) {}

 protected:
  Result<size_t> decode(MutableByteSpan buffer) override;

 private:
  // Reads a member's header. False: the stream has ended where it may.
  Result<bool> begin_member();
  Status skip_zeros_to_end();
  Result<uint8_t> header_byte();
  Status skip_text();
  Status skip_optional_fields(uint8_t flags);
  // One call of ISA-L; may return 0 before the end.
  Result<size_t> inflate(MutableByteSpan buffer);
  Status check_trailer();

  std::unique_ptr<inflate_state> state_;
  bool in_member_ = false;
  uint64_t member_begin_ = 0;
  uint64_t size_bytes_ = 0;  // of the member's content so far
  uint32_t header_crc_ = 0;
};

Result<size_t> GzipDecoder::decode(MutableByteSpan buffer) {
  while (true) {
    if (!in_member_) {
      STRATA_TRY(bool begun, begin_member());
      if (!begun) return size_t{0};
    }
    STRATA_TRY(size_t produced, inflate(buffer));
    if (produced > 0) return produced;
  }
}

Result<bool> GzipDecoder::begin_member() {
  member_begin_ = input_.offset();
  bool first = member_begin_ == 0;
  if (!first) {
    STRATA_TRY(bool more, input_.fill());
    if (!more) return false;
    if (input_.bytes()[0] == std::byte{0}) {
      STRATA_CHECK(skip_zeros_to_end());
      return false;
    }
  }
  header_crc_ = 0;
  std::array<uint8_t, kFixedHeaderBytes> head{};
  constexpr std::array<uint8_t, 3> kMagic = {0x1f, 0x8b, 0x08};
  for (size_t i = 0; i < head.size(); ++i) {
    STRATA_TRY(head[i], header_byte());
    if (i < kMagic.size() && head[i] != kMagic[i]) {
      return error(ErrorCode::kCorrupt, "gzip: expected {} at byte {}, found no gzip header",
                   first ? "a member" : "another member or the end", member_begin_);
    }
  }
  STRATA_CHECK(skip_optional_fields(head[3]));
  isal_inflate_init(state_.get());
  state_->crc_flag = ISAL_GZIP_NO_HDR;
  size_bytes_ = 0;
  in_member_ = true;
  return true;
}

Status GzipDecoder::skip_zeros_to_end() {
  while (true) {
    STRATA_TRY(bool more, input_.fill());
    if (!more) return {};
    if (!all_zero(input_.bytes())) {
      return error(ErrorCode::kCorrupt,
                   "gzip: expected only zero bytes behind the last member, which ends at byte {}",
                   member_begin_);
    }
    input_.consume(input_.bytes().size());
  }
}

Result<uint8_t> GzipDecoder::header_byte() {
  STRATA_TRY(uint8_t value, input_.next());
  header_crc_ = crc32_gzip_refl(header_crc_, &value, 1);
  return value;
}

Status GzipDecoder::skip_text() {
  uint8_t value = 0;
  do {
    STRATA_TRY(value, header_byte());
  } while (value != 0);
  return {};
}

Status GzipDecoder::skip_optional_fields(uint8_t flags) {
  if ((flags & kFlagsReserved) != 0) {
    return error(ErrorCode::kCorrupt, "gzip: reserved flags {:#04x} in the member at byte {}",
                 flags & kFlagsReserved, member_begin_);
  }
  if ((flags & kFlagExtra) != 0) {
    STRATA_TRY(uint8_t low, header_byte());
    STRATA_TRY(uint8_t high, header_byte());
    for (unsigned rest = low | high << 8; rest > 0; --rest) STRATA_CHECK(header_byte());
  }
  if ((flags & kFlagName) != 0) STRATA_CHECK(skip_text());
  if ((flags & kFlagComment) != 0) STRATA_CHECK(skip_text());
  if ((flags & kFlagHcrc) != 0) {
    uint32_t found = header_crc_ & 0xffff;
    STRATA_TRY(uint8_t low, input_.next());
    STRATA_TRY(uint8_t high, input_.next());
    uint32_t expected = low | static_cast<uint32_t>(high) << 8;
    if (found != expected) {
      return error(ErrorCode::kCorrupt,
                   "gzip: header of the member at byte {}: expected CRC-16 {:04x}, found {:04x}",
                   member_begin_, expected, found);
    }
  }
  return {};
}

Result<size_t> GzipDecoder::inflate(MutableByteSpan buffer) {
  ByteSpan in = input_.bytes();
  size_t space = std::min(buffer.size(), kMaxCallBytes);
  // ISA-L does not write to its input; its interface has no const.
  state_->next_in = reinterpret_cast<uint8_t*>(const_cast<std::byte*>(in.data()));
  state_->avail_in = static_cast<uint32_t>(in.size());
  state_->next_out = reinterpret_cast<uint8_t*>(buffer.data());
  state_->avail_out = static_cast<uint32_t>(space);
  int outcome = isal_inflate(state_.get());
  size_t consumed = in.size() - state_->avail_in;
  size_t produced = space - state_->avail_out;
  input_.consume(consumed);
  size_bytes_ += produced;
  if (state_->total_out > kCountHighBytes) state_->total_out = kCountLowBytes;

  bool finished = state_->block_state == ISAL_BLOCK_FINISH;
  bool stuck = consumed == 0 && produced == 0 && !in.empty() && !finished;
  if (outcome != ISAL_DECOMP_OK || stuck) {
    return error(ErrorCode::kCorrupt, "gzip: invalid deflate data in the member at byte {}",
                 member_begin_);
  }
  if (finished) {
    STRATA_CHECK(check_trailer());
    in_member_ = false;
  } else if (produced == 0) {
    STRATA_CHECK(input_.need());
  }
  return produced;
}

Status GzipDecoder::check_trailer() {
  std::array<uint8_t, kTrailerBytes> trailer{};
  // The whole bytes in ISA-L's bit buffer (at most eight) are the trailer's first ones.
  uint64_t bits = state_->read_in >> (state_->read_in_length % 8);
  size_t held = std::min<size_t>(state_->read_in_length / 8, trailer.size());
  for (size_t i = 0; i < trailer.size(); ++i) {
    if (i < held) {
      trailer[i] = static_cast<uint8_t>(bits >> (8 * i));
    } else {
      STRATA_TRY(trailer[i], input_.next());
    }
  }
  uint32_t crc = little_endian_32(trailer.data());
  uint32_t size = little_endian_32(trailer.data() + 4);
  if (crc != state_->crc) {
    return error(ErrorCode::kCorrupt,
                 "gzip: content of the member at byte {}: expected CRC-32 {:08x}, found {:08x}",
                 member_begin_, crc, state_->crc);
  }
  if (size != static_cast<uint32_t>(size_bytes_)) {
    return error(
        ErrorCode::kCorrupt,
        "gzip: content of the member at byte {}: expected {} bytes (modulo 2^32), found {}",
        member_begin_, size, static_cast<uint32_t>(size_bytes_));
  }
  return {};
}

}  // namespace

std::unique_ptr<ByteSource> make_gzip_decoder(ByteSource& from) {
  return std::make_unique<GzipDecoder>(from);
}

}  // namespace strata::codec
