// SPDX-License-Identifier: Apache-2.0
#include "registry/convert_manifests.h"

#include <map>

namespace strata::registry {
namespace {

struct Pair {
  std::string_view docker;
  std::string_view oci;
};
constexpr Pair kIndex{oci::media_type::kDockerList, oci::media_type::kOciIndex};
constexpr Pair kManifest{oci::media_type::kDockerManifest, oci::media_type::kOciManifest};
constexpr Pair kBlobs[] = {
    {oci::media_type::kDockerConfig, oci::media_type::kOciConfig},
    {oci::media_type::kDockerLayerGzip, oci::media_type::kOciLayerGzip},
    {"application/vnd.docker.image.rootfs.diff.tar", oci::media_type::kOciLayer},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
     "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar",
     "application/vnd.oci.image.layer.nondistributable.v1.tar"}};

class Converter {
 public:
  explicit Converter(ManifestFormat format) : format_(format) {}

  Status convert(RemoteManifest& remote) {
    const Digest before = remote.digest;
    STRATA_TRY(bool is_index, oci::is_index(remote.bytes).context("{}", before));
    STRATA_CHECK((is_index ? convert_index(remote) : convert_manifest(remote))
                     .context("manifest {}", before));
    remote.digest = Digest::of(remote.bytes);
    oci::Descriptor now;
    now.media_type = remote.media_type;
    now.digest = remote.digest;
    now.size_bytes = static_cast<int64_t>(remote.bytes.size());
    converted_.emplace(before, std::move(now));
    return {};
  }

 private:
  std::string_view word(const Pair& pair) const {
    return format_ == ManifestFormat::kDocker ? pair.docker : pair.oci;
  }

  Status convert_blob(oci::Descriptor& blob) const {
    for (const Pair& pair : kBlobs) {
      if (blob.media_type != pair.docker && blob.media_type != pair.oci) continue;
      blob.media_type = word(pair);
      if (format_ == ManifestFormat::kDocker) blob.annotations.clear();
      return {};
    }
    if (format_ == ManifestFormat::kOci) return {};  // any type may stand there
    return error(ErrorCode::kUnsupported, "docker's manifests have no word for {} ({})",
                 blob.media_type, blob.digest);
  }

  Status convert_manifest(RemoteManifest& remote) const {
    if (remote.media_type == word(kManifest)) return {};
    STRATA_TRY(oci::Manifest manifest, oci::parse_manifest(remote.bytes));
    STRATA_CHECK(convert_blob(manifest.config));
    for (oci::Descriptor& layer : manifest.layers) STRATA_CHECK(convert_blob(layer));
    manifest.media_type = word(kManifest);
    if (format_ == ManifestFormat::kDocker) {
      manifest.annotations.clear();
      manifest.unknown.clear();
      remote.bytes = oci::pushed_manifest_text(manifest);
    } else {
      remote.bytes = oci::manifest_text(manifest);
    }
    remote.media_type = manifest.media_type;
    return {};
  }

  Status convert_index(RemoteManifest& remote) const {
    STRATA_TRY(oci::Index index, oci::parse_index(remote.bytes));
    bool is_same = remote.media_type == word(kIndex);
    for (oci::Descriptor& entry : index.manifests) {
      const oci::Descriptor& now = converted_.at(entry.digest);  // it stood before
      is_same = is_same && now.digest == entry.digest;
      entry.media_type = now.media_type;
      entry.digest = now.digest;
      entry.size_bytes = now.size_bytes;
      if (format_ == ManifestFormat::kDocker) entry.annotations.clear();
    }
    if (is_same) return {};
    index.media_type = word(kIndex);
    if (format_ == ManifestFormat::kDocker) {
      index.annotations.clear();
      index.unknown.clear();
    }
    remote.bytes = oci::index_text(index);
    remote.media_type = index.media_type;
    return {};
  }

  const ManifestFormat format_;
  std::map<Digest, oci::Descriptor> converted_;
};

}  // namespace

Result<ManifestFormat> parse_manifest_format(std::string_view text) {
  if (text == "docker" || text == "v2s2") return ManifestFormat::kDocker;
  if (text == "oci") return ManifestFormat::kOci;
  return error(ErrorCode::kInvalid, "unknown manifest format \"{}\": expected docker or oci", text);
}

Status convert_manifests(std::vector<RemoteManifest>& manifests, ManifestFormat format) {
  Converter converter(format);
  for (RemoteManifest& remote : manifests) STRATA_CHECK(converter.convert(remote));
  return {};
}

}  // namespace strata::registry
