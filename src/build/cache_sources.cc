// SPDX-License-Identifier: Apache-2.0
#include "build/cache_sources.h"

#include "store/resolve.h"

namespace strata::build {
namespace {

Status add_image(const store::Store& store, const ImageId& image, ImageCache& cache) {
  STRATA_TRY(std::string raw, store.images().read_config(image));
  STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(raw)));
  cache.add_source(std::move(config));
  return {};
}

// An image of the store; else what the registry has of that name: a cache, or an image.
Status add_source(const store::Store& store, const CachePlace& place, const BuildRequest& request,
                  const oci::Platform& platform, Pool& pool, ImageCache& cache) {
  if (!place.name.empty()) {
    Result<store::Resolved> found = store::resolve(store, place.name);
    if (found.ok()) return add_image(store, found->image, cache);
  }
  STRATA_TRY(std::unique_ptr<registry::ManifestSource> source,
             open_cache_source(place, request.open_client, pool));
  STRATA_TRY(std::unique_ptr<ImportedCache> imported,
             ImportedCache::open(std::move(source), place.text));
  if (imported != nullptr) {
    cache.add_imported(std::move(imported));
    return {};
  }
  if (place.name.empty()) {
    return error(ErrorCode::kUnsupported, "an image, expected a cache that strata build made");
  }
  STRATA_CHECK(request.fetch(place.name, platform));
  STRATA_TRY(const store::Resolved found, store::resolve(store, place.name));
  return add_image(store, found.image, cache);
}

}  // namespace

Status add_cache_sources(const store::Store& store, const BuildRequest& request,
                         const oci::Platform& platform, Pool& pool, ImageCache& cache,
                         std::vector<std::string>& warnings) {
  for (const CachePlace& place : request.cache_from) {
    Status added = add_source(store, place, request, platform, pool, cache);
    if (added.ok()) continue;
    if (added.error().code() == ErrorCode::kCancelled) return added;
    warnings.push_back(
        fmt::format("cache-from {}: {}; going on without it", place.text, added.error().message()));
  }
  return {};
}

}  // namespace strata::build
