// SPDX-License-Identifier: Apache-2.0
// Decompression of streams: gzip, bzip2, xz and zstd, in bounded memory.
//
// What is accepted: all that the formats' own programs write, also several members (streams,
// frames) in a row. The exact borders are those of the strict readers, because a layer with bytes
// that only some programs see is a layer with two meanings:
//   gzip   RFC 1952 with every optional header field. Header CRC, CRC-32 and ISIZE are checked.
//          After the last member zero bytes up to the end are accepted, as GNU gzip does (Go's
//          reader refuses them). Other bytes there are kCorrupt, as with Go's reader (GNU gzip
//          ignores them with a warning and exit code 2, and unpigz, which dockerd starts where it
//          is installed, without). Reserved flags are kCorrupt, as with gzip.
//   bzip2  Anything but another stream after a stream is kCorrupt, as with Go's reader.
//   xz     Stream padding (zero bytes, a multiple of four) is accepted, as xz(1) does. Not .lzma.
//   zstd   RFC 8878 with skippable frames; no dictionaries, no frames of the legacy formats.
// Memory:  per stream 128 KiB of input plus the format's window: gzip 0.2 MiB, bzip2 4 MiB, xz and
//          zstd as the stream says, at most kMaxWindowBytes; a larger one is kUnsupported.
// Errors:  kCorrupt for truncated ("gzip: unexpected EOF at byte 1234") and damaged input. Numbers
//          are positions in the compressed stream, from 0, and are the same however it is read.
//          Bytes that were returned before an error have not been verified.
// Threads: one at a time per stream; two streams are independent.
#pragma once

#include <memory>

#include "base/stream.h"
#include "codec/compression.h"
#include "codec/parallel_gunzip.h"
#include "codec/peek_source.h"

namespace strata::codec {

// The largest window (dictionary, in xz's words) of zstd and xz streams: what `zstd --long=27` and
// `zstd --ultra -22` need; `xz -9` needs 64 MiB.
inline constexpr size_t kMaxWindowBytes = size_t{128} << 20;

// The decompressed content of all that `from` has left; kNone passes it through. `from` is borrowed
// and must outlive the result. It is read ahead of what is returned, and to its very end before the
// result ends. After an error the same error is returned again.
// A stream without a single byte is truncated, except with kNone.
std::unique_ptr<ByteSource> make_decompressor(Compression kind, ByteSource& from);

// A decompressor that has found out by itself what it reads.
class DecompressingSource final : public ByteSource {
 public:
  // Looks at the first bytes of `from` (borrowed). With `helpers` (borrowed too) a gzip stream is
  // inflated on several cores. Errors: those of reading the first bytes.
  static Result<std::unique_ptr<DecompressingSource>> open(ByteSource& from,
                                                           GunzipHelpers* helpers = nullptr);

  Compression kind() const { return kind_; }
  Result<size_t> read(MutableByteSpan buffer) override { return content_->read(buffer); }

 private:
  explicit DecompressingSource(ByteSource& from) : peek_(from) {}

  PeekSource peek_;
  Compression kind_ = Compression::kNone;
  std::unique_ptr<ByteSource> content_;
};

// DecompressingSource::open() for those who do not ask which kind it was.
Result<std::unique_ptr<ByteSource>> open_decompressed(ByteSource& from);
// The same for who expects a large stream: gzip on several cores (codec/parallel_gunzip.h).
Result<std::unique_ptr<ByteSource>> open_decompressed(ByteSource& from, GunzipHelpers& helpers);

}  // namespace strata::codec
