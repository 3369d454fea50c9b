// SPDX-License-Identifier: Apache-2.0
#include "build/export_cache.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "build/cache_listing.h"
#include "build/imported_cache.h"
#include "registry/layer_packing.h"
#include "store/transaction.h"

namespace strata::build {
namespace {

// What will be exported: the listing, and a chain of the store for each of its layers.
struct Plan {
  CacheListing listing;
  std::vector<ChainId> chains;
};

using Blobs = std::map<DiffId, oci::Descriptor>;

class NoWatcher final : public registry::CopyWatcher {
  void blob_started(const Digest&, uint64_t) override {}
  void blob_advanced(const Digest&, uint64_t) override {}
  void blob_done(const Digest&, std::string_view) override {}
};

// Each image's parent: of all steps, or of those below `image`.
std::map<ImageId, std::optional<ImageId>> choose_steps(const std::vector<BuiltStep>& steps,
                                                       const ImageId& image, bool all) {
  std::map<ImageId, std::optional<ImageId>> parents;
  for (const BuiltStep& step : steps) parents.emplace(step.image, step.parent);
  if (all) return parents;
  std::map<ImageId, std::optional<ImageId>> chosen;
  for (std::optional<ImageId> at = image; at && parents.contains(*at); at = parents.at(*at)) {
    if (!chosen.emplace(*at, parents.at(*at)).second) break;
  }
  return chosen;
}

// In an order that does not depend on which stage came first: parents first, then by ID.
Result<Plan> plan_export(const store::Store& store,
                         const std::map<ImageId, std::optional<ImageId>>& parents) {
  std::vector<std::pair<oci::ImageConfig, std::optional<ImageId>>> images;
  for (const auto& [image, parent] : parents) {
    STRATA_TRY(std::string raw, store.images().read_config(image));
    STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(raw)));
    images.emplace_back(std::move(config), parent);
  }
  std::sort(images.begin(), images.end(), [](const auto& a, const auto& b) {
    return std::make_tuple(a.first.history().size(), a.first.id()) <
           std::make_tuple(b.first.history().size(), b.first.id());
  });
  Plan plan;
  for (const auto& [config, parent] : images) {
    plan.listing.steps.push_back({parent, config.raw()});
    if (config.history().empty() || config.history().back().empty_layer) continue;
    if (config.diff_ids().empty()) continue;
    const DiffId& layer = config.diff_ids().back();
    auto& layers = plan.listing.layers;
    if (std::find(layers.begin(), layers.end(), layer) != layers.end()) continue;
    layers.push_back(layer);
    plan.chains.push_back(config.chain_ids().back());
  }
  return plan;
}

// What the place has already, from an earlier build. Whatever is wrong with it: nothing.
Result<Blobs> known_blobs(const CacheTarget& target, const OpenClient& client, Pool& pool) {
  Blobs nothing;
  if (target.force_compression) return nothing;
  Result<std::unique_ptr<registry::ManifestSource>> source =
      open_cache_source(target.place, client, pool);
  if (!source.ok()) return nothing;
  Result<std::unique_ptr<ImportedCache>> there =
      ImportedCache::open(std::move(*source), target.place.text);
  STRATA_CHECK(pool.check_cancelled());
  return there.ok() && *there != nullptr ? (*there)->blobs() : nothing;
}

// Whether the target has the blob and it is sound. It cannot be made again byte by byte, so there
// is nothing to bring where it is not.
bool has_blob(registry::CopyTarget& to, const oci::Descriptor& blob) {
  return to
      .put(blob,
           []() -> Result<std::unique_ptr<ByteSource>> {
             return error(ErrorCode::kNotFound, "not there");
           })
      .ok();
}

Result<std::vector<oci::Descriptor>> bring_layers(const store::Store& store, const Plan& plan,
                                                  const CacheTarget& target, const Blobs& known,
                                                  registry::CopyTarget& to, Pool& pool,
                                                  size_t& known_layers) {
  const codec::CompressionSpec spec = registry::packing_of(target.compression);
  NoWatcher watcher;
  std::vector<oci::Descriptor> layers;
  for (size_t i = 0; i < plan.chains.size(); ++i) {
    auto there = known.find(plan.listing.layers[i]);
    if (there != known.end() && has_blob(to, there->second)) {
      layers.push_back(there->second);
      ++known_layers;
      continue;
    }
    STRATA_TRY(const store::Layer record, store.layers().read(plan.chains[i]));
    const registry::TarLayer layer = registry::tar_layer_of(store, record, pool);
    STRATA_TRY(oci::Descriptor blob, registry::pack_layer(layer, to, spec, watcher, pool));
    blob.media_type = registry::layer_type(spec.kind, true);
    layers.push_back(std::move(blob));
  }
  return layers;
}

registry::RemoteManifest manifest_of(const std::string& text, std::vector<oci::Descriptor> layers) {
  oci::Manifest manifest;
  manifest.media_type = oci::media_type::kOciManifest;
  manifest.config.media_type = kListingType;
  manifest.config.digest = Digest::of(text);
  manifest.config.size_bytes = static_cast<int64_t>(text.size());
  manifest.layers = std::move(layers);
  registry::RemoteManifest made;
  made.bytes = oci::manifest_text(manifest);
  made.media_type = manifest.media_type;
  made.digest = Digest::of(made.bytes);
  return made;
}

}  // namespace

Result<ExportedCache> export_cache(store::Store& store, const std::vector<BuiltStep>& steps,
                                   const ImageId& image, const CacheTarget& target,
                                   const OpenClient& client, Pool& pool) {
  STRATA_TRY(const Plan plan, plan_export(store, choose_steps(steps, image, target.all_stages)));
  const std::string text = listing_text(plan.listing);
  if (text.size() > kMaxListingBytes) {
    return error(ErrorCode::kInvalid,
                 "the configs of {} steps have {} bytes, more than the {} of a cache; mode=min "
                 "exports fewer",
                 plan.listing.steps.size(), text.size(), kMaxListingBytes);
  }
  STRATA_TRY(store::Transaction txn, store.begin());
  STRATA_CHECK(txn.hold_layers(plan.chains));
  // From here on the steps and layers are fixed, and nobody removes them.
  STRATA_TRY(const Blobs known, known_blobs(target, client, pool));
  STRATA_TRY(std::unique_ptr<registry::CopyTarget> to, open_cache_target(target.place, client));
  STRATA_CHECK(to->prepare({}));
  ExportedCache exported{plan.listing.steps.size(), plan.listing.layers.size()};
  STRATA_TRY(std::vector<oci::Descriptor> layers,
             bring_layers(store, plan, target, known, *to, pool, exported.known_layers));
  STRATA_CHECK(registry::put_text(text, *to));
  // Beyond this point every blob is there, verified.
  STRATA_CHECK(to->put_manifest(manifest_of(text, std::move(layers)), true));
  STRATA_CHECK(to->finish());
  return exported;
}

}  // namespace strata::build
