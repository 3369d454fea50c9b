// SPDX-License-Identifier: Apache-2.0
// What stands around the deflate data of a gzip member, and all of gzip's errors. Internal to
// codec/; shared by the two decoders, so that they accept and refuse the same.
// Threads: one at a time.
#pragma once

#include <span>

#include "codec/decoder.h"

namespace strata::codec {

class GzipMember {
 public:
  GzipMember() = default;
  // Of a member whose header was read before.
  explicit GzipMember(uint64_t begin) : begin_(begin) {}

  // Reads the next header. False: the stream has ended where it may. Errors: kCorrupt; those of
  // the source.
  Result<bool> read_header(InputWindow& input);

  // Reads the trailer and compares. `held`: its first bytes, already taken from `input`. Errors: as
  // before.
  Status read_trailer(InputWindow& input, std::span<const uint8_t> held, uint32_t crc,
                      uint64_t size_bytes) const;

  // Compares the content with what its trailer says. Errors: kCorrupt.
  Status verify(uint32_t expected_crc, uint32_t expected_size, uint32_t crc,
                uint64_t size_bytes) const;

  Error invalid_deflate_data() const;

  // Where in the compressed stream it begins.
  uint64_t begin() const { return begin_; }

 private:
  Status skip_zeros_to_end(InputWindow& input);
  Status skip_optional_fields(InputWindow& input, uint8_t flags);
  Status skip_text(InputWindow& input);
  Result<uint8_t> header_byte(InputWindow& input);

  uint64_t begin_ = 0;
  uint32_t header_crc_ = 0;
};

// The trailer of a member and the header of the next one, for who reads ahead.
struct GzipBoundary {
  uint32_t crc, size;  // as the trailer says
  size_t header_at;    // of the next member
  size_t content_at;
};

// What stands at data[at], below data[end]: only if it is all there and a plain header (at most an
// extra field), which is what programs write that write many members.
std::optional<GzipBoundary> read_gzip_boundary(const uint8_t* data, size_t at, size_t end);

}  // namespace strata::codec
