// SPDX-License-Identifier: Apache-2.0
// Magic bytes (hex; "." is any digit):
//   gzip   1f 8b 08               RFC 1952: ID1, ID2, and CM = deflate
//   bzip2  42 5a 68               "BZh"
//   xz     fd 37 7a 58 5a 00
//   zstd   28 b5 2f fd            RFC 8878, section 3.1.1: a frame
//          5. 2a 4d 18            RFC 8878, section 3.1.2: a skippable frame
// Source: FORMATS section 6.3, item 1.
#include "codec/compression.h"

namespace strata::codec {
namespace {

constexpr std::string_view kGzipMagic("\x1f\x8b\x08", 3);
constexpr std::string_view kBzip2Magic("BZh", 3);
constexpr std::string_view kXzMagic("\xfd\x37\x7a\x58\x5a\x00", 6);
constexpr std::string_view kZstdMagic("\x28\xb5\x2f\xfd", 4);
constexpr std::string_view kZstdSkippableTail("\x2a\x4d\x18", 3);

bool is_skippable_frame(std::string_view head) {
  return !head.empty() && (static_cast<unsigned char>(head[0]) & 0xf0) == 0x50 &&
         head.substr(1).starts_with(kZstdSkippableTail);
}

}  // namespace

std::string_view to_string(Compression kind) {
  switch (kind) {
    case Compression::kNone:
      return "none";
    case Compression::kGzip:
      return "gzip";
    case Compression::kBzip2:
      return "bzip2";
    case Compression::kXz:
      return "xz";
    case Compression::kZstd:
      return "zstd";
  }
  return "unknown";
}

Compression detect_compression(ByteSpan head) {
  std::string_view text = as_text(head);
  if (text.starts_with(kGzipMagic)) return Compression::kGzip;
  if (text.starts_with(kBzip2Magic)) return Compression::kBzip2;
  if (text.starts_with(kXzMagic)) return Compression::kXz;
  if (text.starts_with(kZstdMagic) || is_skippable_frame(text)) return Compression::kZstd;
  return Compression::kNone;
}

}  // namespace strata::codec
