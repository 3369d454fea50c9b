// SPDX-License-Identifier: Apache-2.0
#include "registry/push_origin.h"

#include <algorithm>

namespace strata::registry {
namespace {

constexpr size_t kMostAsked = 4;  // registries, and platforms of an index

bool is_own_platform(const oci::Descriptor& entry, const oci::ImageConfig& config) {
  if (!entry.platform) return true;
  return oci::is_same_platform(config.platform(), *entry.platform);
}

bool is_of(const oci::Manifest& manifest, const oci::ImageConfig& config) {
  return manifest.config.digest == config.id().digest() &&
         manifest.layers.size() == config.diff_ids().size();
}

// The manifest itself, or that of the image within an index.
Result<std::optional<Origin>> read_origin(Repository& repository, RemoteManifest text,
                                          const oci::ImageConfig& config) {
  STRATA_TRY(bool index, oci::is_index(text.bytes));
  if (!index) {
    STRATA_TRY(oci::Manifest manifest, oci::parse_manifest(text.bytes));
    if (!is_of(manifest, config)) return std::optional<Origin>();
    return std::optional<Origin>(Origin{repository.name(), std::move(text), std::move(manifest)});
  }
  STRATA_TRY(oci::Index list, oci::parse_index(text.bytes));
  size_t asked = 0;
  for (const oci::Descriptor& entry : list.manifests) {
    if (!is_own_platform(entry, config) || asked == kMostAsked) continue;
    ++asked;
    STRATA_TRY(RemoteManifest inner, repository.get_manifest(entry.digest.to_string()));
    STRATA_TRY(bool nested, oci::is_index(inner.bytes));
    if (nested) continue;
    STRATA_TRY(oci::Manifest manifest, oci::parse_manifest(inner.bytes));
    if (!is_of(manifest, config)) continue;
    return std::optional<Origin>(Origin{repository.name(), std::move(inner), std::move(manifest)});
  }
  return std::optional<Origin>();
}

}  // namespace

std::vector<oci::Reference> known_digests(const store::References& references, const ImageId& image,
                                          const oci::Reference& target) {
  std::vector<oci::Reference> known;
  for (const std::string& key : references.of_image(image)) {
    if (!store::is_digest_key(key)) continue;
    Result<oci::Reference> name = oci::Reference::parse(key);
    if (name.ok() && name->digest()) known.push_back(*std::move(name));
  }
  auto distance = [&](const oci::Reference& name) {
    if (name.full_name() == target.full_name()) return 0;
    return name.domain() == target.domain() ? 1 : 2;
  };
  std::stable_sort(known.begin(), known.end(),
                   [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
  return known;
}

Result<std::optional<Origin>> find_origin(Client& client, const oci::ImageConfig& config,
                                          const std::vector<oci::Reference>& known) {
  for (size_t i = 0; i < known.size() && i < kMostAsked; ++i) {
    auto ask = [&]() -> Result<std::optional<Origin>> {
      STRATA_TRY(std::unique_ptr<Repository> repository,
                 client.repository(known[i], Access::kPull, Patience::kShort));
      STRATA_TRY(RemoteManifest text, repository->get_manifest(known[i].digest()->to_string()));
      return read_origin(*repository, std::move(text), config);
    };
    Result<std::optional<Origin>> origin = ask();
    if (origin.ok() && *origin) return origin;
    // A registry that is away or has forgotten is no reason not to push.
    if (!origin.ok() && origin.error().code() == ErrorCode::kCancelled) return origin;
  }
  return std::optional<Origin>();
}

}  // namespace strata::registry
