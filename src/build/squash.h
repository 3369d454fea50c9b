// SPDX-License-Identifier: Apache-2.0
// --squash: one layer in place of those that the last stage has made.
// Source:  dockerd 20.10, experimental.
// Threads: one per call.
// Crash:   the image is published with its layer, in one transaction; the one with all its layers
//          is there already, and stays.
#pragma once

#include "build/build_work.h"

namespace strata::build {

// The image with one layer above those of `base` (no config: of nothing), or none if the two have
// the same layers. The history stays, but its steps are empty, and one more says what was merged.
// It has no parent link, as with docker: nothing but itself is its cache.
Result<StageImage> squash(BuildWork& work, const StageImage& image, const StageImage& base,
                          const oci::Time& now);

}  // namespace strata::build
