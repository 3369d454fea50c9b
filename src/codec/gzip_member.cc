// SPDX-License-Identifier: Apache-2.0
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
#include "codec/gzip_member.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <array>

namespace strata::codec {
namespace {

constexpr std::array<uint8_t, 3> kMagic = {0x1f, 0x8b, 0x08};
constexpr uint8_t kFlagHcrc = 0x02;
constexpr uint8_t kFlagExtra = 0x04;
constexpr uint8_t kFlagName = 0x08;
constexpr uint8_t kFlagComment = 0x10;
constexpr uint8_t kFlagsReserved = 0xe0;
constexpr size_t kFixedHeaderBytes = 10;
constexpr size_t kTrailerBytes = 8;

uint32_t little_endian_32(const uint8_t* bytes) {
  return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | static_cast<uint32_t>(bytes[3]) << 24;
}

}  // namespace

Result<bool> GzipMember::read_header(InputWindow& input) {
  begin_ = input.offset();
  bool first = begin_ == 0;
  if (!first) {
    STRATA_TRY(bool more, input.fill());
    if (!more) return false;
    if (input.bytes()[0] == std::byte{0}) {
      STRATA_CHECK(skip_zeros_to_end(input));
      return false;
    }
  }
  header_crc_ = 0;
  std::array<uint8_t, kFixedHeaderBytes> head{};
  for (size_t i = 0; i < head.size(); ++i) {
    STRATA_TRY(head[i], header_byte(input));
    if (i < kMagic.size() && head[i] != kMagic[i]) {
      return error(ErrorCode::kCorrupt, "gzip: expected {} at byte {}, found no gzip header",
                   first ? "a member" : "another member or the end", begin_);
    }
  }
  STRATA_CHECK(skip_optional_fields(input, head[3]));
  return true;
}

Status GzipMember::skip_zeros_to_end(InputWindow& input) {
  while (true) {
    STRATA_TRY(bool more, input.fill());
    if (!more) return {};
    if (!all_zero(input.bytes())) {
      return error(ErrorCode::kCorrupt,
                   "gzip: expected only zero bytes behind the last member, which ends at byte {}",
                   begin_);
    }
    input.consume(input.bytes().size());
  }
}

Result<uint8_t> GzipMember::header_byte(InputWindow& input) {
  STRATA_TRY(uint8_t value, input.next());
  header_crc_ = crc32_gzip_refl(header_crc_, &value, 1);
  return value;
}

Status GzipMember::skip_text(InputWindow& input) {
  uint8_t value = 0;
  do {
    STRATA_TRY(value, header_byte(input));
  } while (value != 0);
  return {};
}

Status GzipMember::skip_optional_fields(InputWindow& input, uint8_t flags) {
  if ((flags & kFlagsReserved) != 0) {
    return error(ErrorCode::kCorrupt, "gzip: reserved flags {:#04x} in the member at byte {}",
                 flags & kFlagsReserved, begin_);
  }
  if ((flags & kFlagExtra) != 0) {
    STRATA_TRY(uint8_t low, header_byte(input));
    STRATA_TRY(uint8_t high, header_byte(input));
    for (unsigned rest = low | high << 8; rest > 0; --rest) STRATA_CHECK(header_byte(input));
  }
  if ((flags & kFlagName) != 0) STRATA_CHECK(skip_text(input));
  if ((flags & kFlagComment) != 0) STRATA_CHECK(skip_text(input));
  if ((flags & kFlagHcrc) != 0) {
    uint32_t found = header_crc_ & 0xffff;
    STRATA_TRY(uint8_t low, input.next());
    STRATA_TRY(uint8_t high, input.next());
    uint32_t expected = low | static_cast<uint32_t>(high) << 8;
    if (found != expected) {
      return error(ErrorCode::kCorrupt,
                   "gzip: header of the member at byte {}: expected CRC-16 {:04x}, found {:04x}",
                   begin_, expected, found);
    }
  }
  return {};
}

Status GzipMember::read_trailer(InputWindow& input, std::span<const uint8_t> held, uint32_t crc,
                                uint64_t size_bytes) const {
  std::array<uint8_t, kTrailerBytes> trailer{};
  for (size_t i = 0; i < trailer.size(); ++i) {
    if (i < held.size()) {
      trailer[i] = held[i];
    } else {
      STRATA_TRY(trailer[i], input.next());
    }
  }
  return verify(little_endian_32(trailer.data()), little_endian_32(trailer.data() + 4), crc,
                size_bytes);
}

Status GzipMember::verify(uint32_t expected_crc, uint32_t expected_size, uint32_t crc,
                          uint64_t size_bytes) const {
  if (crc != expected_crc) {
    return error(ErrorCode::kCorrupt,
                 "gzip: content of the member at byte {}: expected CRC-32 {:08x}, found {:08x}",
                 begin_, expected_crc, crc);
  }
  if (expected_size != static_cast<uint32_t>(size_bytes)) {
    return error(
        ErrorCode::kCorrupt,
        "gzip: content of the member at byte {}: expected {} bytes (modulo 2^32), found {}", begin_,
        expected_size, static_cast<uint32_t>(size_bytes));
  }
  return {};
}

Error GzipMember::invalid_deflate_data() const {
  return error(ErrorCode::kCorrupt, "gzip: invalid deflate data in the member at byte {}", begin_);
}

std::optional<GzipBoundary> read_gzip_boundary(const uint8_t* data, size_t at, size_t end) {
  size_t header_at = at + kTrailerBytes;
  size_t content_at = header_at + kFixedHeaderBytes;
  if (content_at > end) return std::nullopt;
  const uint8_t* header = data + header_at;
  if (!std::equal(kMagic.begin(), kMagic.end(), header)) return std::nullopt;
  if (header[3] == kFlagExtra) {
    if (content_at + 2 > end) return std::nullopt;
    content_at += size_t{2} + (data[content_at] | data[content_at + 1] << 8);
    if (content_at > end) return std::nullopt;
  } else if (header[3] != 0) {
    return std::nullopt;
  }
  return GzipBoundary{little_endian_32(data + at), little_endian_32(data + at + 4), header_at,
                      content_at};
}

}  // namespace strata::codec
