// SPDX-License-Identifier: Apache-2.0
// The images that the other side of a wire offers, read and checked.
// Threads: one at a time.
#pragma once

#include "archive/load_plan.h"
#include "archive/wire.h"

namespace strata::archive {

// Reads image and config frames up to the end of the offer. `asked`: as in ReceiveOptions; null:
// anything goes; so is `platform`. Errors: kCorrupt (a config that has not its ID), kInvalid (images
// or names that were not asked for; parents that cannot be; those of plan_image), kUnsupported (too
// many of them), kNotFound (an image for another platform), those of Wire.
Result<LoadPlan> read_offer(Wire& wire, const std::vector<std::string>* asked,
                            const std::optional<oci::Platform>& platform);

}  // namespace strata::archive
