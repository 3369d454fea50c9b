// SPDX-License-Identifier: Apache-2.0
// The compressions of archives and layers, and how one tells them apart.
// Source:  FORMATS section 6.3, item 1.
// Threads: values; the functions may be called from any thread.
#pragma once

#include <string_view>

#include "base/bytes.h"

namespace strata::codec {

enum class Compression { kNone, kGzip, kBzip2, kXz, kZstd };

// "none", "gzip", "bzip2", "xz", "zstd".
std::string_view to_string(Compression kind);

// As many first bytes as detect_compression() looks at.
inline constexpr size_t kMagicBytes = 6;

// The compression of a stream that begins with `head`. kNone for everything unknown, and for heads
// that are too short to tell. Only the magic bytes are looked at, as docker does: a stream that is
// detected can still turn out to be damaged.
Compression detect_compression(ByteSpan head);

}  // namespace strata::codec
