// SPDX-License-Identifier: Apache-2.0
#include "build/imported_cache.h"

#include <algorithm>

namespace strata::build {
namespace {

Error buildkit_error() {
  return error(ErrorCode::kUnsupported,
               "a cache that BuildKit made: it names steps in a way that only BuildKit can follow; "
               "expected a cache that strata build --cache-to made, or an image");
}

// BuildKit's are an index that has its listing among the layers, or a manifest like ours.
bool is_buildkit_index(const oci::Index& index) {
  return std::any_of(
      index.manifests.begin(), index.manifests.end(),
      [](const oci::Descriptor& entry) { return entry.media_type == kBuildkitListingType; });
}

}  // namespace

Result<std::unique_ptr<ImportedCache>> ImportedCache::open(
    std::unique_ptr<registry::ManifestSource> source, std::string name) {
  STRATA_TRY(const registry::RemoteManifest top, source->top());
  STRATA_TRY(const bool is_index, oci::is_index(top.bytes));
  if (is_index) {
    STRATA_TRY(const oci::Index index, oci::parse_index(top.bytes));
    if (is_buildkit_index(index)) return buildkit_error();
    return std::unique_ptr<ImportedCache>();
  }
  STRATA_TRY(const oci::Manifest manifest, oci::parse_manifest(top.bytes));
  if (manifest.config.media_type == kBuildkitListingType) return buildkit_error();
  if (manifest.config.media_type != kListingType) return std::unique_ptr<ImportedCache>();
  std::unique_ptr<ImportedCache> cache(new ImportedCache());
  cache->source_ = std::move(source);
  cache->name_ = std::move(name);
  STRATA_CHECK(cache->read(manifest).context("listing {}", manifest.config.digest));
  return cache;
}

Status ImportedCache::read(const oci::Manifest& manifest) {
  STRATA_TRY(std::unique_ptr<ByteSource> blob, source_->open_blob(manifest.config));
  registry::VerifyingSource verified(std::move(blob), manifest.config);
  STRATA_TRY(const std::string text, read_to_end(verified, kMaxListingBytes));
  STRATA_TRY(listing_, parse_listing(text));
  if (listing_.layers.size() != manifest.layers.size()) {
    return error(ErrorCode::kInvalid, "{} diff_ids, but {} layers in the manifest",
                 listing_.layers.size(), manifest.layers.size());
  }
  for (size_t i = 0; i < listing_.layers.size(); ++i) {
    blobs_.emplace(listing_.layers[i], manifest.layers[i]);
  }
  for (size_t i = 0; i < listing_.steps.size(); ++i) {
    by_parent_.emplace(listing_.steps[i].parent, i);
  }
  return {};
}

std::vector<const std::string*> ImportedCache::children(const ImageId* parent) const {
  std::vector<const std::string*> configs;
  const std::optional<ImageId> key = parent == nullptr ? std::nullopt : std::optional(*parent);
  auto [first, last] = by_parent_.equal_range(key);
  for (auto at = first; at != last; ++at) configs.push_back(&listing_.steps[at->second].config);
  return configs;
}

Result<std::unique_ptr<ByteSource>> ImportedCache::open_layer(const DiffId& layer) const {
  auto found = blobs_.find(layer);
  if (found == blobs_.end()) return error(ErrorCode::kNotFound, "the cache has no such layer");
  STRATA_TRY(std::unique_ptr<ByteSource> blob, source_->open_blob(found->second));
  return std::unique_ptr<ByteSource>(
      std::make_unique<registry::VerifyingSource>(std::move(blob), found->second));
}

}  // namespace strata::build
