// SPDX-License-Identifier: Apache-2.0
#include "archive/save_plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/timer.h"
#include "driver/driver.h"
#include "driver/split_file.h"
#include "store/resolve.h"

namespace strata::archive {
namespace {

// Images in the order of their first mention, each with the tags that were mentioned.
class Selection {
 public:
  void add(const ImageId& id, std::optional<oci::Reference> tag) {
    auto [place, fresh] = places_.try_emplace(id, chosen_.size());
    if (fresh) chosen_.push_back({id, {}});
    if (!tag || tag->tag().empty() || tag->digest()) return;
    std::vector<oci::Reference>& tags = chosen_[place->second].second;
    if (std::find(tags.begin(), tags.end(), *tag) == tags.end()) tags.push_back(std::move(*tag));
  }

  const std::vector<std::pair<ImageId, std::vector<oci::Reference>>>& chosen() const {
    return chosen_;
  }

 private:
  std::map<ImageId, size_t> places_;
  std::vector<std::pair<ImageId, std::vector<oci::Reference>>> chosen_;
};

Status select(const store::Store& store, const store::References& references,
              const std::string& name, Selection& selection) {
  Result<oci::Reference> parsed = oci::Reference::parse(name);
  if (parsed.ok() && parsed->is_name_only()) {
    const auto& repositories = references.repositories();
    auto repository = repositories.find(parsed->familiar_name());
    size_t found = 0;
    if (repository != repositories.end()) {
      for (const auto& [key, image] : repository->second) {
        Result<ImageId> id = ImageId::parse(image);
        STRATA_TRY(oci::Reference reference, oci::Reference::parse(key));
        if (id.ok()) selection.add(*id, std::move(reference));
        if (id.ok()) ++found;
      }
    }
    if (found > 0) return {};
  }
  STRATA_TRY(store::Resolved resolved, store::resolve(store, name));
  std::optional<oci::Reference> tag;
  if (!resolved.key.empty()) {
    STRATA_TRY(tag, oci::Reference::parse(resolved.key));
  }
  selection.add(resolved.image, std::move(tag));
  return {};
}

Result<std::vector<SaveLayer>> layers_of(const store::Store& store,
                                         const oci::ImageConfig& config) {
  std::vector<ChainId> chains = config.chain_ids();
  if (chains.empty())
    return error(ErrorCode::kInvalid, "image {}: empty export - not implemented", config.id());
  STRATA_TRY(std::vector<store::Layer> records,
             store.layers().read_chain(chains.back()).context("image {}", config.id()));
  std::vector<SaveLayer> layers;
  for (auto record = records.rbegin(); record != records.rend(); ++record)
    layers.push_back({*record, 0, false});
  for (size_t i = 0; i < chains.size(); ++i) {
    if (i < layers.size() && layers[i].record.chain == chains[i]) continue;
    return error(ErrorCode::kCorrupt, "image {}: layer {} is {}, found {}", config.id(), i,
                 chains[i], i < layers.size() ? layers[i].record.chain.to_string() : "none");
  }
  return layers;
}

// Held before they are read: what is read is there then.
Result<std::vector<SaveLayer>> hold_layers(const store::Store& store,
                                           const oci::ImageConfig& config,
                                           std::vector<store::LayerHold>& holds) {
  std::vector<ChainId> chains = config.chain_ids();
  if (!chains.empty()) {
    Result<store::LayerHold> hold = store::LayerHold::take(store, chains.back());
    if (hold.ok()) holds.push_back(std::move(*hold));
    // Of a layer that is not there or damaged layers_of() says more.
    else if (!driver::is_damage(hold.error()))
      return std::move(hold).error();
  }
  return layers_of(store, config);
}

// Parents that are not in the plan are none of its business.
void keep_parents_within(SavePlan& plan) {
  for (SaveImage& image : plan.images) {
    bool within = std::any_of(plan.images.begin(), plan.images.end(), [&](const SaveImage& other) {
      return image.parent && other.config.id() == *image.parent;
    });
    if (!within) image.parent.reset();
  }
}

// The parent as an image to save, if it can be one.
std::optional<SaveImage> parent_of(const store::Store& store, const SaveImage& child) {
  Result<std::string> raw = store.images().read_config(*child.parent);
  if (!raw.ok()) return std::nullopt;
  Result<oci::ImageConfig> config = oci::ImageConfig::parse(std::move(raw).value());
  if (!config.ok() || !oci::is_valid_parent(*config, child.config)) return std::nullopt;
  std::vector<ChainId> chains = config->chain_ids();
  if (chains.empty() || chains.size() > child.layers.size()) return std::nullopt;
  if (child.layers[chains.size() - 1].record.chain != chains.back()) return std::nullopt;
  std::vector<SaveLayer> layers(child.layers.begin(),
                                child.layers.begin() + static_cast<ptrdiff_t>(chains.size()));
  Result<std::optional<ImageId>> above = store.images().parent(config->id());
  return SaveImage{
      std::move(config).value(), {}, std::move(layers), above.ok() ? *above : std::nullopt, true};
}

// Removal takes an image's config before its layers. A layer that came again lies in another folder.
bool is_removed(const store::Store& store, const SaveImage& image) {
  Result<bool> there = store.images().exists(image.config.id());
  if (!there.ok() || !*there) return there.ok();
  return std::any_of(image.layers.begin(), image.layers.end(), [&](const SaveLayer& layer) {
    Result<std::optional<store::Layer>> now = store.layers().find(layer.record.chain);
    return now.ok() && *now && (*now)->cache != layer.record.cache;
  });
}

}  // namespace

Error unless_removed(Error failure, const store::Store& store, const SavePlan& plan) {
  if (failure.code() != ErrorCode::kNotFound && failure.code() != ErrorCode::kCorrupt) {
    return failure;
  }
  for (const SaveImage& image : plan.images) {
    if (!is_removed(store, image)) continue;
    return error(
        ErrorCode::kNotFound, "image {} was removed by another process while it was saved",
        image.tags.empty() ? image.config.id().short_hex() : image.tags.front().familiar_string());
  }
  return failure;
}

Status measure_layers(const store::Store& store, SavePlan& plan, Pool& pool) {
  std::map<ChainId, uint64_t> sizes;
  for (const SaveImage& image : plan.images) {
    for (const SaveLayer& layer : image.layers) sizes[layer.record.chain] = 0;
  }
  std::vector<std::map<ChainId, uint64_t>::iterator> all;
  for (auto one = sizes.begin(); one != sizes.end(); ++one) all.push_back(one);
  STRATA_CHECK(pool.parallel_for(all.size(), [&](size_t i) -> Status {
    STRATA_TRY(Fd split, store.layers().open_tar_split(all[i]->first));
    STRATA_TRY(all[i]->second, driver::tar_bytes_of(split).context("layer {}", all[i]->first));
    return {};
  }));
  for (SaveImage& image : plan.images) {
    for (SaveLayer& layer : image.layers) layer.tar_bytes = sizes[layer.record.chain];
  }
  return {};
}

Result<SavePlan> plan_save(const store::Store& store, const std::vector<std::string>& names,
                           Pool& pool) {
  Timer timer("plan");
  STRATA_TRY(SavePlan plan, choose_images(store, names));
  keep_parents_within(plan);
  Status measured = measure_layers(store, plan, pool);
  if (!measured.ok()) return unless_removed(measured.error(), store, plan);
  return plan;
}

Result<SavePlan> choose_images(const store::Store& store, const std::vector<std::string>& names) {
  STRATA_TRY(store::References references, store.references());
  Selection selection;
  for (const std::string& name : names) STRATA_CHECK(select(store, references, name, selection));

  SavePlan plan;
  for (const auto& [id, tags] : selection.chosen()) {
    STRATA_TRY(std::string raw, store.images().read_config(id));
    STRATA_TRY(oci::ImageConfig config, oci::ImageConfig::parse(std::move(raw)));
    STRATA_TRY(std::optional<ImageId> parent, store.images().parent(id));
    plan.images.push_back({std::move(config), tags, {}, parent, false});
    SaveImage& image = plan.images.back();
    Result<std::vector<SaveLayer>> layers = hold_layers(store, image.config, plan.holds);
    if (!layers.ok()) return unless_removed(layers.error(), store, plan);
    image.layers = std::move(*layers);
  }
  return plan;
}

Status add_parents(const store::Store& store, SavePlan& plan) {
  std::set<ImageId> there;
  for (const SaveImage& image : plan.images) there.insert(image.config.id());
  for (size_t i = 0; i < plan.images.size(); ++i) {  // it grows
    SaveImage& child = plan.images[i];
    if (!child.parent || !there.insert(*child.parent).second) continue;
    std::optional<SaveImage> parent = parent_of(store, child);
    if (parent) plan.images.push_back(std::move(*parent));
  }
  keep_parents_within(plan);
  // A link that only a hand can have made: whoever receives it would refuse it.
  for (SaveImage& image : plan.images) {
    auto parent = std::find_if(plan.images.begin(), plan.images.end(), [&](const SaveImage& other) {
      return image.parent && other.config.id() == *image.parent;
    });
    if (parent == plan.images.end() || oci::is_valid_parent(parent->config, image.config)) continue;
    image.parent.reset();
  }
  return {};
}

}  // namespace strata::archive
