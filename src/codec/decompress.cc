// SPDX-License-Identifier: Apache-2.0
#include "codec/decompress.h"

#include "codec/decoder.h"

namespace strata::codec {
namespace {

class PassThroughSource final : public ByteSource {
 public:
  explicit PassThroughSource(ByteSource& from) : from_(from) {}
  Result<size_t> read(MutableByteSpan buffer) override { return from_.read(buffer); }

 private:
  ByteSource& from_;
};

}  // namespace

std::unique_ptr<ByteSource> make_decompressor(Compression kind, ByteSource& from) {
  switch (kind) {
    case Compression::kGzip:
      return make_gzip_decoder(from);
    case Compression::kBzip2:
      return make_bzip2_decoder(from);
    case Compression::kXz:
      return make_xz_decoder(from);
    case Compression::kZstd:
      return make_zstd_decoder(from);
    case Compression::kNone:
      break;
  }
  return std::make_unique<PassThroughSource>(from);
}

Result<std::unique_ptr<DecompressingSource>> DecompressingSource::open(ByteSource& from,
                                                                       GunzipHelpers* helpers) {
  std::unique_ptr<DecompressingSource> source(new DecompressingSource(from));
  STRATA_TRY(ByteSpan head, source->peek_.peek(kMagicBytes));
  source->kind_ = detect_compression(head);
  bool parallel = helpers != nullptr && source->kind_ == Compression::kGzip;
  source->content_ = parallel ? make_parallel_gunzip(source->peek_, *helpers)
                              : make_decompressor(source->kind_, source->peek_);
  return source;
}

Result<std::unique_ptr<ByteSource>> open_decompressed(ByteSource& from) {
  STRATA_TRY(std::unique_ptr<ByteSource> source, DecompressingSource::open(from));
  return source;
}

Result<std::unique_ptr<ByteSource>> open_decompressed(ByteSource& from, GunzipHelpers& helpers) {
  STRATA_TRY(std::unique_ptr<ByteSource> source, DecompressingSource::open(from, &helpers));
  return source;
}

}  // namespace strata::codec
