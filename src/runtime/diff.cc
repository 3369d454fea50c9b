// SPDX-License-Identifier: Apache-2.0
#include "runtime/diff.h"

#include "runtime/container_record.h"
#include "runtime/upper_folder.h"

namespace strata::runtime {

Status diff(const store::Store& store, const std::string& container,
            const std::function<Status(const driver::TreeChange&)>& visit) {
  STRATA_TRY(ContainerRecord record, find_container(store, container));
  STRATA_TRY(ContainerLayers layers, open_container_layers(store, record));
  return driver::compare_trees(layers.trees(), visit);
}

}  // namespace strata::runtime
