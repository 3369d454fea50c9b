// SPDX-License-Identifier: Apache-2.0
// bzip2, decoded by libbz2.
//
//   file   = stream+
//   stream = "BZh" level block* 17 72 45 38 50 90 crc[4], padded to a whole byte
// Source: libbz2 1.0.8 (the format has no other specification).
#include <bzlib.h>

#include <algorithm>

#include "codec/decoder.h"

namespace strata::codec {
namespace {

constexpr size_t kMaxCallBytes = 1u << 28;  // libbz2 counts in 32 bits

class Bzip2Decoder final : public Decoder {
 public:
  explicit Bzip2Decoder(ByteSource& from) : Decoder(from, "bzip2") {}
  ~Bzip2Decoder() override { end_stream(); }

 protected:
  Result<size_t> decode(MutableByteSpan buffer) override;

 private:
  // False: the input has ended where it may.
  Result<bool> begin_stream();
  void end_stream();
  Error failed(int outcome) const;

  bz_stream stream_{};
  bool in_stream_ = false;
  uint64_t stream_begin_ = 0;
};

Result<bool> Bzip2Decoder::begin_stream() {
  stream_begin_ = input_.offset();
  if (stream_begin_ == 0) {
    STRATA_CHECK(input_.need());
  } else {
    STRATA_TRY(bool more, input_.fill());
    if (!more) return false;
  }
  stream_ = {};
  int outcome = BZ2_bzDecompressInit(&stream_, /*verbosity=*/0, /*small=*/0);
  if (outcome != BZ_OK) return failed(outcome);
  in_stream_ = true;
  return true;
}

void Bzip2Decoder::end_stream() {
  if (in_stream_) BZ2_bzDecompressEnd(&stream_);
  in_stream_ = false;
}

Error Bzip2Decoder::failed(int outcome) const {
  switch (outcome) {
    case BZ_DATA_ERROR_MAGIC:
      return error(ErrorCode::kCorrupt, "bzip2: expected {} at byte {}, found no stream header",
                   stream_begin_ == 0 ? "a stream" : "another stream or the end", stream_begin_);
    case BZ_MEM_ERROR:
      return error(ErrorCode::kIo, "bzip2: no memory for a decompressor");
    default:
      return error(ErrorCode::kCorrupt, "bzip2: damaged data in the stream at byte {}",
                   stream_begin_);
  }
}

Result<size_t> Bzip2Decoder::decode(MutableByteSpan buffer) {
  while (true) {
    if (!in_stream_) {
      STRATA_TRY(bool begun, begin_stream());
      if (!begun) return size_t{0};
    }
    ByteSpan in = input_.bytes();
    size_t space = std::min(buffer.size(), kMaxCallBytes);
    // libbz2 does not write to its input; its interface has no const.
    stream_.next_in = reinterpret_cast<char*>(const_cast<std::byte*>(in.data()));
    stream_.avail_in = static_cast<unsigned>(in.size());
    stream_.next_out = reinterpret_cast<char*>(buffer.data());
    stream_.avail_out = static_cast<unsigned>(space);
    int outcome = BZ2_bzDecompress(&stream_);
    input_.consume(in.size() - stream_.avail_in);
    size_t produced = space - stream_.avail_out;
    if (outcome != BZ_OK && outcome != BZ_STREAM_END) return failed(outcome);
    if (outcome == BZ_STREAM_END) end_stream();
    if (produced > 0) return produced;
    if (in_stream_) STRATA_CHECK(input_.need());
  }
}

}  // namespace

std::unique_ptr<ByteSource> make_bzip2_decoder(ByteSource& from) {
  return std::make_unique<Bzip2Decoder>(from);
}

}  // namespace strata::codec
