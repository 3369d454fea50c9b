// SPDX-License-Identifier: Apache-2.0
// Compression on all cores: gzip by libdeflate, zstd by libzstd.
// Shape:   the content is cut into blocks of a fixed size, each a gzip member (1 MiB) or a zstd
//          frame (2 MiB, from level 10 on 8 MiB; with content size and checksum) of its own;
//          members or frames in a row are a valid file of the format. Empty content is one empty
//          member or frame. Source: RFC 1952, section 2.2; RFC 8878, section 3.
// Result:  depends on the content and the level alone: not on the number of jobs, the sizes of the
//          writes, or timing. No names and times are in it.
// Memory:  at most pool.jobs() + 2 blocks, each with its output and the compressor's tables: about
//          2.5 MiB for gzip; for zstd 5 MiB at level 3, 16 MiB at 9, 95 MiB at 19.
// Threads: see make_parallel_compressor().
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/pool.h"
#include "base/stream.h"
#include "codec/compression.h"

namespace strata::codec {

struct CompressionSpec {
  Compression kind = Compression::kNone;
  std::optional<int> level;  // none: kDefaultGzipLevel or kDefaultZstdLevel

  bool operator==(const CompressionSpec&) const = default;
};

inline constexpr int kDefaultGzipLevel = 6;  // size as of `gzip -6`
inline constexpr int kMaxGzipLevel = 12;     // libdeflate goes on where gzip's 9 ends
inline constexpr int kDefaultZstdLevel = 3;
inline constexpr int kMaxZstdLevel = 22;

// Parses "none", "gzip", "gzip:LEVEL" (1 to 12), "zstd" or "zstd:LEVEL" (1 to 22).
// Errors: kInvalid, naming the text and what there is.
Result<CompressionSpec> parse_compression_spec(std::string_view text);

// What the end of a file name asks for: .gz .tgz .zst .tzst, and .bz2 .tbz2 .xz .txz, which
// make_parallel_compressor() then refuses: better than a file that is not what its name says.
// Empty for all other names.
std::optional<CompressionSpec> spec_for_suffix(std::string_view path);

// A sink that writes the compressed bytes to `to`; kNone passes them through. Its finish() finishes
// `to` as well. `to` and `pool` are borrowed and must outlive it.
// The blocks are compressed by tasks of `pool` (which wait for nothing) and by the thread that
// writes, whenever it would have to wait; `to` is written by that thread alone. One thread at a
// time may write, and it must not be a task of `pool`.
// A sink that is destroyed early leaves `to` incomplete; tasks that still run end by themselves.
// Errors: kUnsupported for bzip2 and xz, kInvalid for a level that does not exist. Writing fails
// with the errors of `to`, and with kCancelled after pool.cancel().
Result<std::unique_ptr<ByteSink>> make_parallel_compressor(const CompressionSpec& spec,
                                                           ByteSink& to, Pool& pool);

}  // namespace strata::codec
