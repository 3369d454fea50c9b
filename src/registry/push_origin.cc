// SPDX-License-Identifier: Apache-2.0
#include "registry/push_origin.h"

#include <algorithm>

#include "registry/resolve_image.h"

namespace strata::registry {
namespace {

constexpr size_t kMostAsked = 4;     // registries, and platforms of an index
constexpr size_t kMostIndexes = 16;  // of one name

bool is_own_platform(const oci::Descriptor& entry, const oci::ImageConfig& config) {
  if (!entry.platform) return true;
  return oci::is_same_platform(config.platform(), *entry.platform);
}

bool is_of(const oci::Manifest& manifest, const oci::ImageConfig& config) {
  return manifest.config.digest == config.id().digest() &&
         manifest.layers.size() == config.diff_ids().size();
}

// Looks for the image in what one name stands for.
class Finder {
 public:
  Finder(Repository& repository, const oci::ImageConfig& config)
      : repository_(repository), config_(config) {}

  // The manifest itself, or that of the image within an index.
  Result<std::optional<Origin>> find(RemoteManifest text, int depth) {
    STRATA_TRY(bool index, oci::is_index(text.bytes));
    if (index) return find_in_index(text, depth);
    STRATA_TRY(oci::Manifest manifest, oci::parse_manifest(text.bytes));
    if (!is_of(manifest, config_)) return std::optional<Origin>();
    return std::optional<Origin>(Origin{repository_.name(), std::move(text), std::move(manifest)});
  }

 private:
  Result<std::optional<Origin>> find_in_index(const RemoteManifest& text, int depth) {
    STRATA_TRY(oci::Index list, oci::parse_index(text.bytes));
    if (depth == kMaxIndexDepth || ++indexes_ > kMostIndexes) return std::optional<Origin>();
    size_t asked = 0;
    for (const oci::Descriptor& entry : list.manifests) {
      const bool nested = is_index_type(entry.media_type);
      if (!nested && (!is_own_platform(entry, config_) || asked++ >= kMostAsked)) continue;
      STRATA_TRY(RemoteManifest inner, repository_.get_manifest(entry.digest.to_string()));
      STRATA_TRY(std::optional<Origin> found, find(std::move(inner), depth + 1));
      if (found) return found;
    }
    return std::optional<Origin>();
  }

  Repository& repository_;
  const oci::ImageConfig& config_;
  size_t indexes_ = 0;
};

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

Result<OriginSearch> find_origin(Client& client, const oci::ImageConfig& config,
                                 const std::vector<oci::Reference>& known) {
  OriginSearch search;
  for (size_t i = 0; i < known.size() && i < kMostAsked && !search.origin; ++i) {
    auto ask = [&]() -> Status {
      STRATA_TRY(std::unique_ptr<Repository> repository,
                 client.repository(known[i], Access::kPull, Patience::kShort));
      STRATA_TRY(RemoteManifest text, repository->get_manifest(known[i].digest()->to_string()));
      STRATA_TRY(search.origin, Finder(*repository, config).find(std::move(text), 1));
      if (i == 0) search.first_lacks_image = !search.origin;
      return {};
    };
    Status asked = ask();
    // A registry that is away or has forgotten is no reason not to push.
    if (!asked.ok() && asked.error().code() == ErrorCode::kCancelled) return asked.error();
  }
  return search;
}

}  // namespace strata::registry
