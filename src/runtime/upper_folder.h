// SPDX-License-Identifier: Apache-2.0
// The folders in which a container's files lie.
// Threads: any.
#pragma once

#include <vector>

#include "runtime/container_record.h"

namespace strata::runtime {

// Blocks of the pipelines that read them: 16 MiB, enough to keep the disk, the workers and whoever
// consumes busy at once.
inline constexpr size_t kBlockBytes = size_t{256} << 10;
inline constexpr size_t kBlocks = 64;

struct ContainerLayers {
  store::LayerMount mount;
  std::vector<Fd> folders;  // what the container wrote, its init layer, the layers of its image
};

// Errors: kNotFound, kCorrupt; kUnsupported for a driver that does not keep these apart.
Result<ContainerLayers> open_container_layers(const store::Store& store,
                                              const ContainerRecord& container);

}  // namespace strata::runtime
