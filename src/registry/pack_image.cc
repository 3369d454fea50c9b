// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "codec/decompress.h"
#include "hash/sha256.h"
#include "registry/copy_steps.h"
#include "registry/layer_packing.h"
#include "registry/piped_source.h"

namespace strata::registry {
namespace {

RemoteManifest make_manifest(const oci::ImageConfig& config, std::vector<oci::Descriptor> layers,
                             bool oci_types) {
  oci::Manifest manifest;
  manifest.media_type =
      oci_types ? oci::media_type::kOciManifest : oci::media_type::kDockerManifest;
  manifest.config.media_type =
      oci_types ? oci::media_type::kOciConfig : oci::media_type::kDockerConfig;
  manifest.config.digest = config.id().digest();
  manifest.config.size_bytes = static_cast<int64_t>(config.raw().size());
  manifest.layers = std::move(layers);
  RemoteManifest made;
  made.bytes = oci_types ? oci::manifest_text(manifest) : oci::pushed_manifest_text(manifest);
  made.media_type = manifest.media_type;
  made.digest = Digest::of(made.bytes);
  return made;
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

Status put_config(const oci::ImageConfig& config, CopyTarget& target) {
  oci::Descriptor blob;
  blob.digest = config.id().digest();
  blob.size_bytes = static_cast<int64_t>(config.raw().size());
  BlobOpener open = [&]() -> Result<std::unique_ptr<ByteSource>> {
    return std::unique_ptr<ByteSource>(std::make_unique<SpanSource>(as_bytes(config.raw())));
  };
  Result<std::string> status = target.put(blob, open);
  if (status.ok()) return {};
  return std::move(status).error();
}

}  // namespace

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

Result<CopyReport> pack_image(const TarImage& image, CopyTarget& target, bool oci_types,
                              const CopyOptions& options, CopyWatcher& watcher, Pool& pool) {
  const codec::CompressionSpec spec = packing_of(options.compression);
  bool is_docker_kind = spec.kind == codec::Compression::kGzip;
  if (!is_docker_kind && options.format == ManifestFormat::kDocker) {
    return error(ErrorCode::kInvalid,
                 "--format docker: docker's manifests have no word for {} "
                 "layers",
                 codec::to_string(spec.kind));
  }
  oci_types = oci_types || !is_docker_kind;
  STRATA_CHECK(target.prepare({}));
  std::map<DiffId, oci::Descriptor> packed;
  std::vector<oci::Descriptor> layers;
  for (const TarLayer& layer : image.layers) {
    STRATA_CHECK(pool.check_cancelled());
    if (!packed.contains(layer.diff)) {
      STRATA_TRY(packed[layer.diff], pack_layer(layer, target, spec, watcher, pool));
    }
    layers.push_back(packed[layer.diff]);
    layers.back().media_type = layer_type(spec.kind, oci_types);
  }
  STRATA_CHECK(put_config(image.config, target));
  // Beyond this point every blob is there, verified.
  RemoteManifest manifest = make_manifest(image.config, std::move(layers), oci_types);
  STRATA_CHECK(target.put_manifest(manifest, true));
  STRATA_CHECK(target.finish());
  return CopyReport{manifest.digest, {}, manifest.bytes.size()};
}

}  // namespace strata::registry
