// SPDX-License-Identifier: Apache-2.0
// TarImage: an image as its config and the tars of its layers, wherever it is; what `copy` makes
// other forms of when the blobs cannot stay as they are.
// Threads: open() of the layers by any thread; the rest by one.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/pool.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "registry/copy_source.h"
#include "store/store.h"

namespace strata::registry {

struct TarLayer {
  DiffId diff;
  uint64_t size_bytes = 0;  // of what open() gives; 0: not known beforehand
  BlobOpener open = {};     // perhaps compressed; of a blob the end comes only if it was right
};

struct TarImage {
  oci::ImageConfig config;
  std::vector<TarLayer> layers;       // base first
  std::shared_ptr<void> holder = {};  // what the layers are opened from
};

// A layer of the store, which somebody holds while it is read. `store` and `pool` are borrowed.
TarLayer tar_layer_of(const store::Store& store, const store::Layer& record, const Pool& pool);

// The image that the source's name stands for, for the platform; none: this machine's.
// Errors: those of choose_manifest and check_is_image, kCorrupt, kUnsupported (foreign layers).
Result<TarImage> tar_image_of(std::shared_ptr<ManifestSource> source,
                              const std::optional<oci::Platform>& platform);
// An image of a docker archive: the one of that name or number, or the only one.
// Errors: kNotFound, kInvalid (several), those of ImageFiles and of reading an archive.
Result<TarImage> tar_image_of_archive(const ImagePlace& place,
                                      const std::optional<oci::Platform>& platform, Pool& pool);
// `store` and `pool` are borrowed. Errors: those of store::resolve, kNotFound (platform), kCorrupt.
Result<TarImage> tar_image_of_store(const store::Store& store, const std::string& name,
                                    const std::optional<oci::Platform>& platform, const Pool& pool);

}  // namespace strata::registry
