// SPDX-License-Identifier: Apache-2.0
// The files of an image, without the image: what `build --output` gives.
// Threads: any; in the mount namespace of a build.
#pragma once

#include <string>

#include "base/pool.h"
#include "store/store.h"

namespace strata::build {

// A tar at `path`, which appears when it is whole; "-": written to `standard_output`. Errors: as
// runtime/export.h.
Status export_tar(const store::Store& store, const ImageId& image, const std::string& path,
                  int standard_output, Pool& pool);

// Copies the files into the folder `path`, which is made where it is missing; what is there stays,
// or is replaced. Errors: kIo, kNoSpace; what was copied before stays.
Status export_folder(store::Store& store, const ImageId& image, const std::string& path,
                     Pool& pool);

}  // namespace strata::build
