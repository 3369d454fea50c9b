// SPDX-License-Identifier: Apache-2.0
#include "runtime/upper_folder.h"

namespace strata::runtime {
namespace {

// The folders of a container's tree and of its init layer, as docker compares them; of an old
// container without one, that of its image.
Result<std::vector<Fd>> open_whole_trees(const store::Store& store,
                                         const store::LayerMount& mount) {
  std::vector<CacheId> caches;
  STRATA_TRY(CacheId own, CacheId::parse(mount.mount_id));
  caches.push_back(std::move(own));
  if (!mount.init_id.empty()) {
    STRATA_TRY(CacheId init, CacheId::parse(mount.init_id));
    caches.push_back(std::move(init));
  } else if (mount.parent) {
    STRATA_TRY(store::Layer top, store.layers().read(*mount.parent));
    caches.push_back(std::move(top.cache));
  }
  std::vector<Fd> folders;
  for (const CacheId& cache : caches) {
    STRATA_TRY(Fd folder, store.driver().open_files(cache));
    folders.push_back(std::move(folder));
  }
  return folders;
}

}  // namespace

driver::ComparedTrees ContainerLayers::trees() const {
  return driver::compare_folders(
      folders, 1,
      is_whole ? driver::ComparedTrees::Upper::kWhole : driver::ComparedTrees::Upper::kLayers);
}

Result<ContainerLayers> open_container_layers(const store::Store& store,
                                              const ContainerRecord& container) {
  ContainerLayers layers;
  STRATA_TRY(layers.mount, find_mount(store, container.id));
  layers.is_whole = store.driver().keeps_whole_trees();
  if (layers.is_whole) {
    STRATA_TRY(layers.folders,
               open_whole_trees(store, layers.mount).context("container {}", container.id));
    return layers;
  }
  STRATA_TRY(CacheId cache, CacheId::parse(layers.mount.mount_id));
  STRATA_TRY(layers.folders,
             store.driver().open_stack(cache).context("container {}", container.id));
  return layers;
}

}  // namespace strata::runtime
