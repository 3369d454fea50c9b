// SPDX-License-Identifier: Apache-2.0
#include "runtime/upper_folder.h"

namespace strata::runtime {

Result<std::vector<Fd>> open_container_layers(const store::Store& store,
                                              const ContainerRecord& container) {
  const std::string_view driver = store.driver().name();
  if (driver != "overlay2") {
    return error(ErrorCode::kUnsupported,
                 "container {}: storage driver {} keeps no layer of a container apart; only "
                 "overlay2 does",
                 container.id, driver);
  }
  STRATA_TRY(store::LayerMount mount, find_mount(store, container.id));
  STRATA_TRY(CacheId cache, CacheId::parse(mount.mount_id));
  return store.driver().open_stack(cache).context("container {}", container.id);
}

}  // namespace strata::runtime
