// SPDX-License-Identifier: Apache-2.0
#include "runtime/upper_folder.h"

namespace strata::runtime {

Result<ContainerLayers> open_container_layers(const store::Store& store,
                                              const ContainerRecord& container) {
  const std::string_view driver = store.driver().name();
  if (driver != "overlay2") {
    return error(ErrorCode::kUnsupported,
                 "container {}: storage driver {} keeps no layer of a container apart; only "
                 "overlay2 does",
                 container.id, driver);
  }
  ContainerLayers layers;
  STRATA_TRY(layers.mount, find_mount(store, container.id));
  STRATA_TRY(CacheId cache, CacheId::parse(layers.mount.mount_id));
  STRATA_TRY(layers.folders,
             store.driver().open_stack(cache).context("container {}", container.id));
  return layers;
}

}  // namespace strata::runtime
