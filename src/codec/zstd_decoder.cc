// SPDX-License-Identifier: Apache-2.0
// zstd, decoded by libzstd.
//
//   stream = frame+
//   frame  = 28 b5 2f fd header block+ [xxh64]  |  5? 2a 4d 18 length[4] byte{length}   (skippable)
// Source: RFC 8878, section 3.1.
#include <zstd.h>
#include <zstd_errors.h>

#include <bit>

#include "codec/decoder.h"
#include "codec/decompress.h"

namespace strata::codec {
namespace {

class ZstdDecoder final : public Decoder {
 public:
  explicit ZstdDecoder(ByteSource& from) : Decoder(from, "zstd"), context_(ZSTD_createDCtx()) {}

 protected:
  Result<size_t> decode(MutableByteSpan buffer) override;

 private:
  Status set_up();
  Error failed(size_t outcome) const;

  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  bool set_up_ = false;
  bool in_frame_ = false;
  uint64_t frame_begin_ = 0;
};

Status ZstdDecoder::set_up() {
  set_up_ = true;
  if (!context_) return error(ErrorCode::kIo, "zstd: no memory for a decompressor");
  constexpr int kWindowLog = std::bit_width(kMaxWindowBytes) - 1;
  size_t outcome = ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLog);
  if (ZSTD_isError(outcome)) return failed(outcome);
  return input_.need();  // a stream has at least one frame
}

Error ZstdDecoder::failed(size_t outcome) const {
  switch (ZSTD_getErrorCode(outcome)) {
    case ZSTD_error_frameParameter_windowTooLarge:
      return error(ErrorCode::kUnsupported,
                   "zstd: the frame at byte {} needs a window of more than {} MiB", frame_begin_,
                   kMaxWindowBytes >> 20);
    case ZSTD_error_dictionary_wrong:
      return error(ErrorCode::kUnsupported, "zstd: the frame at byte {} needs a dictionary",
                   frame_begin_);
    case ZSTD_error_memory_allocation:
      return error(ErrorCode::kIo, "zstd: no memory for the frame at byte {}", frame_begin_);
    default:
      return error(ErrorCode::kCorrupt, "zstd: frame at byte {}: {}", frame_begin_,
                   ZSTD_getErrorName(outcome));
  }
}

Result<size_t> ZstdDecoder::decode(MutableByteSpan buffer) {
  if (!set_up_) STRATA_CHECK(set_up());
  while (true) {
    if (!in_frame_) {
      STRATA_TRY(bool more, input_.fill());
      if (!more) return size_t{0};
      frame_begin_ = input_.offset();
      in_frame_ = true;
    }
    ZSTD_inBuffer in = {input_.bytes().data(), input_.bytes().size(), 0};
    ZSTD_outBuffer out = {buffer.data(), buffer.size(), 0};
    size_t outcome = ZSTD_decompressStream(context_.get(), &out, &in);
    input_.consume(in.pos);
    if (ZSTD_isError(outcome)) return failed(outcome);
    if (outcome == 0) in_frame_ = false;  // decoded and flushed
    if (out.pos > 0) return out.pos;
    if (in_frame_) STRATA_CHECK(input_.need());
  }
}

}  // namespace

std::unique_ptr<ByteSource> make_zstd_decoder(ByteSource& from) {
  return std::make_unique<ZstdDecoder>(from);
}

}  // namespace strata::codec
