// SPDX-License-Identifier: Apache-2.0
// The build cache: the images that steps have left in the store, found by their parent links.
// Shape:   imagedb/metadata/sha256/<id>/{parent,builtLocally} and the configs.
// Source:  FORMATS section 7.4.
// Threads: find() by any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "build/imported_cache.h"
#include "oci/container_config.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "store/store.h"

namespace strata::build {

class ImageCache {
 public:
  // Reads the parent links once: what is built later is not found. The store outlives the cache.
  static Result<ImageCache> open(const store::Store& store);

  // A step that another image has in its history (--cache-from), with the layer that it made.
  struct ForeignStep {
    oci::History history;
    std::optional<DiffId> layer;
  };
  // From now on steps of this image count too, where its history and layers begin with those of the
  // parent. Its layers are in the store.
  void add_source(oci::ImageConfig image) { sources_.push_back(std::move(image)); }
  std::optional<ForeignStep> find_foreign(const oci::ImageConfig* parent,
                                          std::string_view created_by) const;

  // A step that an exported cache lists. Nothing of it is verified yet.
  struct ImportedStep {
    oci::ImageConfig image;
    const ImportedCache* cache = nullptr;
  };
  // From now on the steps of this cache count too.
  void add_imported(std::unique_ptr<ImportedCache> cache) { imported_.push_back(std::move(cache)); }
  // As find(), in these caches, in their order.
  std::optional<ImportedStep> find_imported(const oci::ImageConfig* parent,
                                            const oci::ContainerConfig& step,
                                            const oci::Platform& platform,
                                            const std::optional<oci::Time>& created) const;

  // The image that a step with this config has made of `parent` (null: of nothing), for which all
  // layers are there; the newest of several. `created` (if set) must be its time: a build with a
  // fixed time must not take what another time made.
  Result<std::optional<oci::ImageConfig>> find(const oci::ImageConfig* parent,
                                               const oci::ContainerConfig& step,
                                               const oci::Platform& platform,
                                               const std::optional<oci::Time>& created) const;

 private:
  explicit ImageCache(const store::Store& store) : store_(store) {}
  // Whether the image may be reused at all: it was built here, not loaded from elsewhere.
  Result<bool> is_trusted(const ImageId& image, bool has_parent) const;
  const store::Store& store_;
  std::multimap<ImageId, ImageId> children_;
  std::vector<ImageId> orphans_;  // images without a parent
  std::vector<oci::ImageConfig> sources_;
  std::vector<std::unique_ptr<ImportedCache>> imported_;
};

// Whether a step that would have `wanted` is the one that left `found`. Hostname and the like are
// not compared.
bool is_same_step(const oci::ContainerConfig& found, const oci::ContainerConfig& wanted);

}  // namespace strata::build
