// SPDX-License-Identifier: Apache-2.0
// FastGzipSink: gzip at the speed of a copy, for what strata itself writes (tar-split records).
// Shape:   one gzip member: 1f 8b 08 <flags> 00000000 00 ff [extra] deflate crc isize. Without an
//          extra field the header is the one that Go writes.  Source: FORMATS section 4; RFC 1952.
// Speed:   ISA-L, level 1: 1.5 GB/s of tar-split JSON on one core (`igzip -1` the same, `gzip -1`
// an
//          eighth). The result depends on the content alone, not on the sizes of the writes.
//          Another version of ISA-L, or another kind of processor, may compress differently.
// Memory:  0.7 MiB.
// Threads: one at a time.
#pragma once

#include <memory>

#include "base/stream.h"

struct isal_zstream;

namespace strata::codec {

class FastGzipSink final : public ByteSink {
 public:
  // Writes to `to` (borrowed). `extra` goes into the header's FEXTRA field as it is (subfields with
  // their IDs and lengths are the caller's); it is copied, and empty means no such field.
  explicit FastGzipSink(ByteSink& to, ByteSpan extra = {});
  ~FastGzipSink() override;

  // Errors: those of `to`; kInvalid when `extra` is longer than 65535 bytes.
  Status write(ByteSpan bytes) override;
  // Ends the member and finishes `to`.
  Status finish() override;

 private:
  Status write_header();
  Status compress(ByteSpan bytes, bool last);

  ByteSink& to_;
  std::vector<std::byte> extra_;
  bool header_written_ = false;
  std::unique_ptr<isal_zstream> stream_;
  std::unique_ptr<uint8_t[]> level_buffer_;
  std::unique_ptr<std::byte[]> in_;  // collects small writes
  size_t in_bytes_ = 0;
  std::unique_ptr<std::byte[]> out_;
};

}  // namespace strata::codec
