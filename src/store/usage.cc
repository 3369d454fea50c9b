// SPDX-License-Identifier: Apache-2.0
#include "store/usage.h"

#include <algorithm>
#include <map>

#include "driver/tree_size.h"

namespace strata::store {
namespace {

struct LayerUse {
  size_t images = 0;
  uint64_t size_bytes = 0;
};

using LayerUses = std::map<ChainId, LayerUse>;

Result<LayerUses> count_layers(const Store& store, const std::vector<ImageUsage>& images) {
  LayerUses uses;
  for (const ImageUsage& image : images) {
    for (const ChainId& chain : image.row.chains) ++uses[chain].images;
  }
  for (auto& [chain, use] : uses) {
    Result<uint64_t> size = store.layers().size_bytes(chain);
    // Removed by another process since the images were listed: then it takes no space.
    if (!size.ok() && size.error().code() == ErrorCode::kNotFound) continue;
    if (!size.ok()) return std::move(size).error();
    use.size_bytes = *size;
  }
  return uses;
}

void add_shared(const LayerUses& uses, ImageUsage& image) {
  for (const ChainId& chain : image.row.chains) {
    const LayerUse& use = uses.at(chain);
    if (use.images > 1) image.shared_bytes += use.size_bytes;
  }
}

// The writable layer of each container, measured in parallel.
Result<std::vector<ContainerUsage>> measure_containers(const Store& store, Pool& pool,
                                                       std::vector<Container> containers) {
  STRATA_TRY(std::vector<LayerMount> mounts, store.layers().mounts());
  std::map<std::string, std::string> mount_ids;
  for (const LayerMount& mount : mounts) mount_ids.emplace(mount.container_id, mount.mount_id);
  std::vector<ContainerUsage> usages(containers.size());
  STRATA_CHECK(pool.parallel_for(containers.size(), [&](size_t i) -> Status {
    usages[i].container = std::move(containers[i]);
    auto mount = mount_ids.find(usages[i].container.id);
    if (mount == mount_ids.end()) return {};
    Result<CacheId> cache = CacheId::parse(mount->second);
    if (!cache.ok()) return {};
    Result<Fd> files = store.driver().open_files(*cache);
    if (!files.ok()) return {};
    STRATA_TRY(usages[i].written_bytes, driver::tree_size_bytes(*files));
    return {};
  }));
  return usages;
}

}  // namespace

size_t DiskUsage::active_images() const {
  return static_cast<size_t>(std::count_if(
      images.begin(), images.end(), [](const ImageUsage& image) { return image.containers > 0; }));
}

uint64_t DiskUsage::reclaimable_image_bytes() const {
  uint64_t used = 0;
  for (const ImageUsage& image : images) {
    if (image.containers > 0) used += image.unique_bytes();
  }
  return layer_bytes - std::min(used, layer_bytes);
}

size_t DiskUsage::active_containers() const {
  return static_cast<size_t>(
      std::count_if(containers.begin(), containers.end(),
                    [](const ContainerUsage& usage) { return usage.container.running; }));
}

uint64_t DiskUsage::container_bytes() const {
  uint64_t total = 0;
  for (const ContainerUsage& usage : containers) total += usage.written_bytes;
  return total;
}

uint64_t DiskUsage::reclaimable_container_bytes() const {
  uint64_t total = 0;
  for (const ContainerUsage& usage : containers) {
    if (!usage.container.running) total += usage.written_bytes;
  }
  return total;
}

Result<DiskUsage> disk_usage(const Store& store, Pool& pool) {
  STRATA_TRY(ImageList list, list_images(store, pool));
  STRATA_TRY(std::vector<Container> containers, store.containers());
  DiskUsage usage;
  for (ImageRow& row : list.rows) {
    if (row.references.empty() && row.has_children) continue;
    size_t users = static_cast<size_t>(
        std::count_if(containers.begin(), containers.end(),
                      [&](const Container& container) { return container.image == row.id; }));
    usage.images.push_back({std::move(row), 0, users});
  }
  STRATA_TRY(LayerUses uses, count_layers(store, usage.images));
  for (const auto& [chain, use] : uses) usage.layer_bytes += use.size_bytes;
  for (ImageUsage& image : usage.images) add_shared(uses, image);
  STRATA_TRY(usage.containers, measure_containers(store, pool, std::move(containers)));
  STRATA_TRY(usage.kept_blobs, BlobFolder(store.root()).usage());
  return usage;
}

}  // namespace strata::store
