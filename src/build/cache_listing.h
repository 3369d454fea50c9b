// SPDX-License-Identifier: Apache-2.0
// CacheListing: the steps of a build that were exported as a cache (--cache-to), for builds
// elsewhere.
// Shape:   the grammar stands in cache_listing.cc.
// Threads: values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hash/digest.h"

namespace strata::build {

// A step: the image that it left, and the one that it stood on.
struct ListedStep {
  std::optional<ImageId> parent;  // none: nothing lay below
  std::string config;             // of the image, byte for byte: its digest is the image's ID
};

struct CacheListing {
  std::vector<DiffId> layers;  // of the blobs in the manifest, in its order
  std::vector<ListedStep> steps;
};

// The type of the listing, where an image's manifest has that of its config.
inline constexpr std::string_view kListingType = "application/vnd.strata.build.cache.v1+json";
// The same of a cache of BuildKit's.
inline constexpr std::string_view kBuildkitListingType = "application/vnd.buildkit.cacheconfig.v0";

inline constexpr size_t kMaxListingBytes = 16u << 20;
inline constexpr size_t kMaxListedSteps = 10000;

// Errors: kInvalid, naming the member; kUnsupported (a later format).
Result<CacheListing> parse_listing(std::string_view text);
std::string listing_text(const CacheListing& listing);

}  // namespace strata::build
