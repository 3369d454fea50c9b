// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "registry/copy_steps.h"
#include "registry/layer_packing.h"

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

}  // namespace

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
  STRATA_CHECK(put_text(image.config.raw(), target));
  // Beyond this point every blob is there, verified.
  RemoteManifest manifest = make_manifest(image.config, std::move(layers), oci_types);
  STRATA_CHECK(target.put_manifest(manifest, true));
  STRATA_CHECK(target.finish());
  return CopyReport{manifest.digest, {}, manifest.bytes.size()};
}

}  // namespace strata::registry
