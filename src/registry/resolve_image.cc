// SPDX-License-Identifier: Apache-2.0
// Source: FORMATS section 9.4; OCI image-spec v1.1, manifest.md "Guidelines for Artifact Usage".
#include "registry/resolve_image.h"

#include <algorithm>

#include "base/timer.h"

namespace strata::registry {
namespace {

constexpr size_t kMaxIndexes = 64;  // of one name; each is a request
constexpr std::string_view kAttestation = "vnd.docker.reference.type";
constexpr std::string_view kEmptyConfig = "application/vnd.oci.empty.v1+json";

// What old tools wrote where the type of a config belongs; docker takes these too.
constexpr std::string_view kConfigTypes[] = {oci::media_type::kDockerConfig,
                                             oci::media_type::kOciConfig,
                                             "application/octet-stream",
                                             "application/json",
                                             "text/plain",
                                             "text/html",
                                             "text/plain; charset=utf-8",
                                             ""};
constexpr std::string_view kLayerTypes[] = {
    "application/vnd.docker.image.rootfs.", "application/vnd.oci.image.layer.",
    "application/octet-stream", "application/vnd.docker.container.image.rootfs."};

class Resolver {
 public:
  Resolver(const FetchManifest& fetch, const std::optional<oci::Platform>& platform)
      : fetch_(fetch), wanted_(platform.value_or(oci::Platform::host())) {}

  // All manifests below an index, with the platforms that it says.
  Status collect(const RemoteManifest& remote, int depth) {
    if (depth > kMaxIndexDepth || ++indexes_ > kMaxIndexes) {
      return error(ErrorCode::kInvalid, "{}: too many indexes in each other", remote.digest);
    }
    STRATA_TRY(oci::Index index, oci::parse_index(remote.bytes).context("{}", remote.digest));
    for (oci::Descriptor& entry : index.manifests) {
      if (entry.annotations.contains(std::string(kAttestation))) continue;
      if (!is_index_type(entry.media_type)) {
        candidates_.push_back(std::move(entry));
        continue;
      }
      STRATA_TRY(RemoteManifest below, fetch_(entry.digest));
      STRATA_CHECK(collect(below, depth + 1));
    }
    return {};
  }

  // The first of those that fit best. Entries that say no platform are for any, if need be.
  Result<const oci::Descriptor*> choose() const {
    const oci::Descriptor* best = nullptr;
    std::optional<size_t> best_rank;
    for (const oci::Descriptor& entry : candidates_) {
      if (!entry.platform) continue;
      std::optional<size_t> rank = oci::match_rank(wanted_, entry.platform->normalized());
      if (!rank || (best_rank && *rank >= *best_rank)) continue;
      best = &entry;
      best_rank = rank;
    }
    if (best == nullptr) {
      auto any = std::find_if(candidates_.begin(), candidates_.end(),
                              [](const oci::Descriptor& entry) { return !entry.platform; });
      if (any != candidates_.end()) best = &*any;
    }
    if (best != nullptr) return best;
    return error(ErrorCode::kNotFound, "no matching manifest for {} in the manifest list entries",
                 wanted_.to_string());
  }

 private:
  const FetchManifest& fetch_;
  const oci::Platform wanted_;
  std::vector<oci::Descriptor> candidates_;
  size_t indexes_ = 0;
};

}  // namespace

bool is_index_type(std::string_view media_type) {
  return media_type == oci::media_type::kOciIndex || media_type == oci::media_type::kDockerList;
}

Status check_is_image(const oci::Manifest& manifest, const Digest& digest) {
  const std::string& type = manifest.config.media_type;
  const auto* artifact = manifest.unknown.if_contains("artifactType");
  bool known =
      std::find(std::begin(kConfigTypes), std::end(kConfigTypes), type) != std::end(kConfigTypes);
  if (!known) {
    bool says = type == kEmptyConfig && artifact != nullptr && artifact->is_string();
    return error(ErrorCode::kUnsupported, "manifest {} is an OCI artifact of type {}, not an image",
                 digest, says ? std::string(artifact->get_string()) : type);
  }
  for (const oci::Descriptor& layer : manifest.layers) {
    bool is_layer = layer.media_type.empty() ||
                    std::any_of(std::begin(kLayerTypes), std::end(kLayerTypes),
                                [&](auto prefix) { return layer.media_type.starts_with(prefix); });
    if (!is_layer || layer.media_type.ends_with("+encrypted")) {
      return error(ErrorCode::kUnsupported, "layer {} is of type {}, which cannot be unpacked",
                   layer.digest, layer.media_type);
    }
  }
  return {};
}

Result<RemoteManifest> choose_manifest(RemoteManifest remote, const FetchManifest& fetch,
                                       const std::optional<oci::Platform>& platform) {
  STRATA_TRY(bool is_index, oci::is_index(remote.bytes).context("{}", remote.digest));
  if (!is_index) return remote;
  Resolver resolver(fetch, platform);
  STRATA_CHECK(resolver.collect(remote, 1));
  STRATA_TRY(const oci::Descriptor* chosen, resolver.choose());
  return fetch(chosen->digest);
}

Result<ResolvedImage> resolve_image(Repository& repository, const oci::Reference& reference,
                                    const std::optional<oci::Platform>& platform) {
  Timer timer("resolve");
  STRATA_TRY(RemoteManifest remote,
             repository.get_manifest(reference.digest() ? reference.digest()->to_string()
                                                        : reference.tag()));
  ResolvedImage image;
  image.name_digest = remote.digest;
  STRATA_TRY(remote,
             choose_manifest(
                 std::move(remote),
                 [&](const Digest& digest) { return repository.get_manifest(digest.to_string()); },
                 platform));
  image.from_index = remote.digest != image.name_digest;
  image.manifest_digest = remote.digest;
  STRATA_TRY(image.manifest, oci::parse_manifest(remote.bytes).context("{}", remote.digest));
  STRATA_CHECK(check_is_image(image.manifest, remote.digest));
  return image;
}

}  // namespace strata::registry
