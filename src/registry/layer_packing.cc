// SPDX-License-Identifier: Apache-2.0
#include "registry/layer_packing.h"

#include "codec/decompress.h"
#include "hash/sha256.h"
#include "registry/piped_source.h"

namespace strata::registry {

codec::CompressionSpec packing_of(const std::optional<codec::CompressionSpec>& wanted) {
  codec::CompressionSpec spec =
      wanted.value_or(codec::CompressionSpec{codec::Compression::kGzip, std::nullopt});
  if (spec.kind == codec::Compression::kGzip && !spec.level) spec.level = kPushGzipLevel;
  return spec;
}

std::string_view layer_type(codec::Compression kind, bool oci_types) {
  if (kind == codec::Compression::kZstd) return oci::media_type::kOciLayerZstd;
  if (kind == codec::Compression::kNone) return oci::media_type::kOciLayer;
  return oci_types ? oci::media_type::kOciLayerGzip : oci::media_type::kDockerLayerGzip;
}

Result<uint64_t> unpack_layer_to(const TarLayer& layer, ByteSink& to, CopyWatcher& watcher,
                                 Pool& pool) {
  auto unpack = [&]() -> Result<uint64_t> {
    watcher.blob_started(layer.diff.digest(), 0);
    STRATA_TRY(std::unique_ptr<ByteSource> packed, layer.open());
    codec::GunzipHelpers helpers(pool);
    STRATA_TRY(std::unique_ptr<ByteSource> tar, codec::open_decompressed(*packed, helpers));
    CountingSink counted(
        to, [&](uint64_t bytes) { watcher.blob_advanced(layer.diff.digest(), bytes); });
    HashingSink hashing(counted);
    STRATA_CHECK(copy_stream(*tar, hashing));
    DiffId found(hashing.digest());
    if (found == layer.diff) return hashing.size_bytes();
    return error(ErrorCode::kCorrupt, "expected diffID {}, found {}", layer.diff, found);
  };
  return unpack().context("layer {}", layer.diff.short_hex());
}

Result<oci::Descriptor> pack_layer(const TarLayer& layer, CopyTarget& target,
                                   const codec::CompressionSpec& spec, CopyWatcher& watcher,
                                   Pool& pool) {
  auto produce = [&](ByteSink& to) -> Status {
    STRATA_TRY(std::unique_ptr<ByteSink> packer, codec::make_parallel_compressor(spec, to, pool));
    STRATA_CHECK(unpack_layer_to(layer, *packer, watcher, pool));
    return packer->finish();
  };
  BlobOpener open = [&]() -> Result<std::unique_ptr<ByteSource>> {
    return std::unique_ptr<ByteSource>(std::make_unique<PipedSource>(produce));
  };
  STRATA_TRY(UploadedBlob blob, target.put_new(open));
  watcher.blob_done(layer.diff.digest(), "Packed");
  oci::Descriptor descriptor;
  descriptor.digest = blob.digest;
  descriptor.size_bytes = static_cast<int64_t>(blob.size_bytes);
  return descriptor;
}

Result<Digest> put_text(std::string_view text, CopyTarget& target) {
  oci::Descriptor blob;
  blob.digest = Digest::of(text);
  blob.size_bytes = static_cast<int64_t>(text.size());
  BlobOpener open = [&]() -> Result<std::unique_ptr<ByteSource>> {
    return std::unique_ptr<ByteSource>(std::make_unique<SpanSource>(as_bytes(text)));
  };
  Result<std::string> status = target.put(blob, open);
  if (!status.ok()) return std::move(status).error();
  return blob.digest;
}

}  // namespace strata::registry
