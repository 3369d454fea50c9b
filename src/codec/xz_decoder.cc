// SPDX-License-Identifier: Apache-2.0
// xz, decoded by liblzma.
//
//   file    = stream (padding* stream)* padding*
//   padding = 00 00 00 00
// Source: "The .xz File Format" 1.0.4, section 2.
#include <lzma.h>

#include <algorithm>

#include "codec/decoder.h"
#include "codec/decompress.h"

namespace strata::codec {
namespace {

constexpr size_t kPaddingUnitBytes = 4;
// The dictionary, and room for what liblzma needs besides (about 64 KiB for LZMA2).
constexpr uint64_t kMemoryLimitBytes = kMaxWindowBytes + (uint64_t{1} << 20);

class XzDecoder final : public Decoder {
 public:
  explicit XzDecoder(ByteSource& from) : Decoder(from, "xz") {}
  ~XzDecoder() override { lzma_end(&stream_); }

 protected:
  Result<size_t> decode(MutableByteSpan buffer) override;

 private:
  // False: the input has ended where it may.
  Result<bool> begin_stream();
  Status skip_padding();
  Error failed(lzma_ret outcome) const;

  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool in_stream_ = false;
  uint64_t stream_begin_ = 0;
};

Result<bool> XzDecoder::begin_stream() {
  if (input_.offset() == 0) {
    STRATA_CHECK(input_.need());
  } else {
    STRATA_CHECK(skip_padding());
    STRATA_TRY(bool more, input_.fill());
    if (!more) return false;
  }
  stream_begin_ = input_.offset();
  lzma_ret outcome = lzma_stream_decoder(&stream_, kMemoryLimitBytes, /*flags=*/0);
  if (outcome != LZMA_OK) return failed(outcome);
  in_stream_ = true;
  return true;
}

Status XzDecoder::skip_padding() {
  uint64_t begin = input_.offset();
  while (true) {
    STRATA_TRY(bool more, input_.fill());
    ByteSpan bytes = input_.bytes();
    auto end =
        std::find_if(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{}; });
    input_.consume(static_cast<size_t>(end - bytes.begin()));
    if (more && input_.bytes().empty()) continue;
    uint64_t size = input_.offset() - begin;
    if (size % kPaddingUnitBytes == 0) return {};
    return error(ErrorCode::kCorrupt,
                 "xz: padding at byte {}: expected a multiple of {} zero bytes, found {}", begin,
                 kPaddingUnitBytes, size);
  }
}

Error XzDecoder::failed(lzma_ret outcome) const {
  switch (outcome) {
    case LZMA_FORMAT_ERROR:
      return error(ErrorCode::kCorrupt, "xz: expected {} at byte {}, found no stream header",
                   stream_begin_ == 0 ? "a stream" : "another stream or the end", stream_begin_);
    case LZMA_OPTIONS_ERROR:
      return error(ErrorCode::kUnsupported,
                   "xz: the stream at byte {} has filters or options that liblzma does not know",
                   stream_begin_);
    case LZMA_MEMLIMIT_ERROR:
      return error(ErrorCode::kUnsupported,
                   "xz: the stream at byte {} needs {} MiB of memory, the limit is {} MiB",
                   stream_begin_, (lzma_memusage(&stream_) >> 20) + 1, kMemoryLimitBytes >> 20);
    case LZMA_MEM_ERROR:
      return error(ErrorCode::kIo, "xz: no memory for the stream at byte {}", stream_begin_);
    default:
      return error(ErrorCode::kCorrupt, "xz: damaged data in the stream at byte {}", stream_begin_);
  }
}

Result<size_t> XzDecoder::decode(MutableByteSpan buffer) {
  while (true) {
    if (!in_stream_) {
      STRATA_TRY(bool begun, begin_stream());
      if (!begun) return size_t{0};
    }
    ByteSpan in = input_.bytes();
    stream_.next_in = reinterpret_cast<const uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(buffer.data());
    stream_.avail_out = buffer.size();
    lzma_ret outcome = lzma_code(&stream_, LZMA_RUN);
    input_.consume(in.size() - stream_.avail_in);
    size_t produced = buffer.size() - stream_.avail_out;
    // LZMA_BUF_ERROR means that a second call in a row found nothing to do: more input is needed.
    bool going_on = outcome == LZMA_OK || (outcome == LZMA_BUF_ERROR && input_.bytes().empty());
    if (!going_on && outcome != LZMA_STREAM_END) return failed(outcome);
    if (outcome == LZMA_STREAM_END) in_stream_ = false;
    if (produced > 0) return produced;
    if (in_stream_) STRATA_CHECK(input_.need());
  }
}

}  // namespace

std::unique_ptr<ByteSource> make_xz_decoder(ByteSource& from) {
  return std::make_unique<XzDecoder>(from);
}

}  // namespace strata::codec
