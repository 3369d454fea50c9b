// SPDX-License-Identifier: Apache-2.0
// All that inspect says of an image, as docker's struct types.ImageInspect.
// Source:  FORMATS section 10, with the fields and their order as dockerd 20.10 prints them.
// Threads: any.
#pragma once

#include "cli/value.h"
#include "store/store.h"

namespace strata::cli {

// Errors: kNotFound, kCorrupt, as the store's readers.
Result<Value> image_record(const store::Store& store, const ImageId& image);

}  // namespace strata::cli
