// SPDX-License-Identifier: Apache-2.0
// The folders in which a container's files lie.
// Threads: any.
#pragma once

#include <vector>

#include "driver/tree_diff.h"
#include "runtime/container_record.h"

namespace strata::runtime {

// Blocks of the pipelines that read them: 16 MiB, enough to keep the disk, the workers and whoever
// consumes busy at once.
inline constexpr size_t kBlockBytes = size_t{256} << 10;
inline constexpr size_t kBlocks = 64;

struct ContainerLayers {
  store::LayerMount mount;
  // overlay2: what the container wrote, its init layer, the layers of its image. vfs: the tree that it
  // has, the tree that it was made of, if any.
  std::vector<Fd> folders;
  bool is_whole = false;  // vfs

  // What the container is compared with to know what it changed. Borrows `folders`.
  driver::ComparedTrees trees() const;
};

// Errors: kNotFound, kCorrupt.
Result<ContainerLayers> open_container_layers(const store::Store& store,
                                              const ContainerRecord& container);

}  // namespace strata::runtime
