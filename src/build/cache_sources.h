// SPDX-License-Identifier: Apache-2.0
// --cache-from: what it names is opened, fetched if need be, and added to the build's cache.
// Threads: one per call.
#pragma once

#include <string>
#include <vector>

#include "build/build_request.h"
#include "build/image_cache.h"

namespace strata::build {

// What cannot be had is no cache, and no reason to stop: it becomes a warning. Errors: kCancelled.
Status add_cache_sources(const store::Store& store, const BuildRequest& request,
                         const oci::Platform& platform, Pool& pool, ImageCache& cache,
                         std::vector<std::string>& warnings);

}  // namespace strata::build
