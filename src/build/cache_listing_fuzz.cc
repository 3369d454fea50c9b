// SPDX-License-Identifier: Apache-2.0
// Any bytes as the listing of a cache. What must hold: what was read is written so that it reads
// the same.
#include "base/fuzz_oracle.h"
#include "build/cache_listing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strata;
  Result<build::CacheListing> listing = build::parse_listing(fuzz::input_text(data, size));
  if (!listing.ok()) return 0;
  const std::string text = build::listing_text(*listing);
  Result<build::CacheListing> again = build::parse_listing(text);
  fuzz::check(again.ok(), "what was written can be read");
  fuzz::check(build::listing_text(*again) == text, "it says the same");
  fuzz::check(again->steps.size() == listing->steps.size(), "it has as many steps");
  return 0;
}
