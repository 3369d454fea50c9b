// SPDX-License-Identifier: Apache-2.0
#include "codec/block_compressor.h"

#include <libdeflate.h>
#include <zstd.h>

namespace strata::codec {
namespace {

// libdeflate's header: 1f 8b 08 00 00000000 <xfl> ff.
class GzipBlockCompressor final : public BlockCompressor {
 public:
  explicit GzipBlockCompressor(int level) : state_(libdeflate_alloc_compressor(level)) {}
  bool valid() const { return state_ != nullptr; }

  size_t bound(size_t size_bytes) const override {
    return libdeflate_gzip_compress_bound(state_.get(), size_bytes);
  }

  Result<size_t> compress(ByteSpan block, MutableByteSpan out) override {
    size_t size =
        libdeflate_gzip_compress(state_.get(), block.data(), block.size(), out.data(), out.size());
    if (size == 0) {
      return error(ErrorCode::kIo, "gzip: a block of {} bytes does not fit into {} bytes",
                   block.size(), out.size());
    }
    return size;
  }

 private:
  struct Free {
    void operator()(libdeflate_compressor* state) const { libdeflate_free_compressor(state); }
  };
  std::unique_ptr<libdeflate_compressor, Free> state_;
};

class ZstdBlockCompressor final : public BlockCompressor {
 public:
  ZstdBlockCompressor() : context_(ZSTD_createCCtx()) {}

  Status set_up(int level) {
    if (!context_) return error(ErrorCode::kIo, "zstd: no memory for a compressor");
    STRATA_CHECK(check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level)));
    return check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1));
  }

  size_t bound(size_t size_bytes) const override { return ZSTD_compressBound(size_bytes); }

  Result<size_t> compress(ByteSpan block, MutableByteSpan out) override {
    size_t size =
        ZSTD_compress2(context_.get(), out.data(), out.size(), block.data(), block.size());
    STRATA_CHECK(check(size));
    return size;
  }

 private:
  static Status check(size_t outcome) {
    if (!ZSTD_isError(outcome)) return {};
    return error(ErrorCode::kIo, "zstd: {}", ZSTD_getErrorName(outcome));
  }

  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context_;
};

}  // namespace

Result<std::unique_ptr<BlockCompressor>> make_gzip_block_compressor(int level) {
  auto compressor = std::make_unique<GzipBlockCompressor>(level);
  if (!compressor->valid()) return error(ErrorCode::kIo, "gzip: no memory for a compressor");
  return std::unique_ptr<BlockCompressor>(std::move(compressor));
}

Result<std::unique_ptr<BlockCompressor>> make_zstd_block_compressor(int level) {
  auto compressor = std::make_unique<ZstdBlockCompressor>();
  STRATA_CHECK(compressor->set_up(level));
  return std::unique_ptr<BlockCompressor>(std::move(compressor));
}

}  // namespace strata::codec
