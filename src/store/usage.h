// SPDX-License-Identifier: Apache-2.0
// What `docker system df` counts of a root.
// Source:  FORMATS section 10, "system df"; dockerd 20.10, daemon/disk_usage.go, and its CLI.
// Threads: any. Reads only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/pool.h"
#include "store/blob_folder.h"
#include "store/list_images.h"
#include "store/store.h"

namespace strata::store {

struct ImageUsage {
  ImageRow row;
  uint64_t shared_bytes = 0;  // of its layers that other listed images have too
  size_t containers = 0;      // that use it, running or not

  uint64_t unique_bytes() const { return row.size_bytes - shared_bytes; }
};

struct ContainerUsage {
  Container container;
  uint64_t written_bytes = 0;  // of its writable layer; 0 where that cannot be read
};

struct DiskUsage {
  // Images that `docker images` lists: with a name, or without children. Sorted by ID.
  std::vector<ImageUsage> images;
  uint64_t layer_bytes = 0;  // of all layers of these images, each once
  std::vector<ContainerUsage> containers;
  BlobUsage kept_blobs;  // what interrupted pulls have left, and what running ones fetch

  size_t active_images() const;              // used by a container
  uint64_t reclaimable_image_bytes() const;  // layer_bytes but for what images in use have alone
  size_t active_containers() const;          // running
  uint64_t container_bytes() const;
  uint64_t reclaimable_container_bytes() const;  // of those that do not run
};

Result<DiskUsage> disk_usage(const Store& store, Pool& pool);

}  // namespace strata::store
