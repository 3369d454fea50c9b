// SPDX-License-Identifier: Apache-2.0
// --cache-to: the steps of a build and the layers that they made, in a registry or an OCI layout.
// Source:  build/cache_listing.cc.
// Threads: one per call.
// Crash:   registry/copy_target.h: what was there before stays in force until all of it is there.
#pragma once

#include <vector>

#include "build/cache_place.h"
#include "hash/digest.h"
#include "store/store.h"

namespace strata::build {

// A step that the build took from its cache, or did.
struct BuiltStep {
  std::optional<ImageId> parent;
  ImageId image;
};

struct ExportedCache {
  size_t steps = 0;
  size_t layers = 0;
  size_t known_layers = 0;  // those that were there before
};

// `steps`: all of the build, in any order; `image`: what was built. Layers that the base images
// brought are not exported: they come with these.
// Errors: kNotFound (an image was removed meanwhile), kInvalid (more than a listing may hold),
// those of the target.
Result<ExportedCache> export_cache(store::Store& store, const std::vector<BuiltStep>& steps,
                                   const ImageId& image, const CacheTarget& target,
                                   const OpenClient& client, Pool& pool);

}  // namespace strata::build
