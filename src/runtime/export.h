// SPDX-License-Identifier: Apache-2.0
// export: the files of a container, or of an image, as one tar, without a mount.
// Source:  FORMATS section 8 "export".
// Threads: any.
#pragma once

#include <string>

#include "base/pool.h"
#include "base/stream.h"
#include "store/store.h"

namespace strata::runtime {

// Writes the tar to `to`, which is not finished. `container` is an ID, a name, or the beginning of
// an ID. Errors: those of find_container; kUnsupported; kCorrupt (a file changed while it was read,
// a damaged root); kIo, kCancelled; those of `to`.
Status export_container(const store::Store& store, const std::string& container, ByteSink& to,
                        Pool& pool);
// The same for an image, by name or ID. Errors: also those of store::resolve.
Status export_image(const store::Store& store, const std::string& image, ByteSink& to, Pool& pool);

}  // namespace strata::runtime
