// SPDX-License-Identifier: Apache-2.0
// import: an image with one layer, of the tar of a root file system.
// Source:  FORMATS section 7.5.
// Threads: any; one import on a store at a time and thread.
// Crash:   as Transaction: the root is as before, or has the image.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/pool.h"
#include "base/stream.h"
#include "oci/container_config.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "store/store.h"

namespace strata::runtime {

struct ImportOptions {
  std::optional<oci::Reference> reference;  // with a tag
  std::string message;                      // empty: "Imported from <source>"
  std::string source = "-";                 // a URL, or "-" for all else
  oci::Platform platform;
  // Changes the config (-c), which is that of nothing.
  std::function<Status(oci::ContainerConfig&)> change;
};

struct ImportReport {
  ImageId image;
  std::vector<std::string> warnings;  // xattrs that the file system does not take
};

// `tar` may be compressed: the layer is what comes out. Errors: those of unpacking (docker's texts
// for what is no tar), of `tar`, `change` and a transaction.
Result<ImportReport> import(store::Store& store, ByteSource& tar, const ImportOptions& options,
                            Pool& pool);

}  // namespace strata::runtime
