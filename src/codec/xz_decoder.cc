// SPDX-License-Identifier: Apache-2.0
// xz, decoded by liblzma.
//
//   file = stream (stream | padding)*       padding = 00 00 00 00
// Source: "The .xz File Format" 1.0.4, section 2.
#include <lzma.h>

#include "codec/decoder.h"
#include "codec/decompress.h"

namespace strata::codec {
namespace {

// The dictionary, and room for what liblzma needs besides (about 64 KiB for LZMA2).
constexpr uint64_t kMemoryLimitBytes = kMaxWindowBytes + (uint64_t{1} << 20);

class XzDecoder final : public Decoder {
 public:
  explicit XzDecoder(ByteSource& from) : Decoder(from, "xz") {}
  ~XzDecoder() override { lzma_end(&stream_); }

 protected:
  Result<size_t> decode(MutableByteSpan buffer) override;

 private:
  Error failed(lzma_ret outcome) const;

  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool set_up_ = false;
};

Error XzDecoder::failed(lzma_ret outcome) const {
  switch (outcome) {
    case LZMA_FORMAT_ERROR:
      return error(ErrorCode::kCorrupt, "xz: expected a stream header, found something else");
    case LZMA_OPTIONS_ERROR:
      return error(ErrorCode::kUnsupported, "xz: filters or options that liblzma does not know");
    case LZMA_MEMLIMIT_ERROR:
      return error(ErrorCode::kUnsupported, "xz: needs {} MiB of memory, the limit is {} MiB",
                   (lzma_memusage(&stream_) >> 20) + 1, kMemoryLimitBytes >> 20);
    case LZMA_MEM_ERROR:
      return error(ErrorCode::kIo, "xz: no memory for a decompressor");
    case LZMA_BUF_ERROR:  // no progress, twice: only the end of the input does that
      return error(ErrorCode::kCorrupt, "xz: unexpected EOF at byte {}", input_.offset());
    default:
      return error(ErrorCode::kCorrupt, "xz: damaged data");
  }
}

Result<size_t> XzDecoder::decode(MutableByteSpan buffer) {
  if (!set_up_) {
    lzma_ret outcome = lzma_stream_decoder(&stream_, kMemoryLimitBytes, LZMA_CONCATENATED);
    if (outcome != LZMA_OK) return failed(outcome);
    set_up_ = true;
  }
  while (true) {
    STRATA_TRY(bool more, input_.fill());
    ByteSpan in = input_.bytes();
    stream_.next_in = reinterpret_cast<const uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(buffer.data());
    stream_.avail_out = buffer.size();
    lzma_ret outcome = lzma_code(&stream_, more ? LZMA_RUN : LZMA_FINISH);
    input_.consume(in.size() - stream_.avail_in);
    size_t produced = buffer.size() - stream_.avail_out;
    if (outcome == LZMA_STREAM_END) return produced;
    if (outcome != LZMA_OK) return failed(outcome);
    if (produced > 0) return produced;
  }
}

}  // namespace

std::unique_ptr<ByteSource> make_xz_decoder(ByteSource& from) {
  return std::make_unique<XzDecoder>(from);
}

}  // namespace strata::codec
