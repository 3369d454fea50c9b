// SPDX-License-Identifier: Apache-2.0
// Where builds take caches from (--cache-from), and where they bring theirs (--cache-to).
// Threads: values.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/pool.h"
#include "codec/compress.h"
#include "registry/copy_source.h"
#include "registry/copy_target.h"

namespace strata::build {

struct CachePlace {
  std::string text;            // as it was written
  std::string name;            // of an image, or of a cache in a registry; empty: the folder
  std::string folder;          // an OCI layout
  std::string tag = "latest";  // of the entry in the layout
};

struct CacheTarget {
  CachePlace place;
  bool all_stages = false;    // mode=max; else the steps below the image that was built
  bool ignore_error = false;  // a warning instead
  std::optional<codec::CompressionSpec> compression;
  bool force_compression = false;  // also of layers that are there with another one
};

// A client for registries, which lives as long as the build. Any thread.
using OpenClient = std::function<Result<registry::Client*>()>;

// Errors: those of the client; kNotFound (there is no such folder).
Result<std::unique_ptr<registry::ManifestSource>> open_cache_source(const CachePlace& place,
                                                                    const OpenClient& client,
                                                                    Pool& pool);
Result<std::unique_ptr<registry::CopyTarget>> open_cache_target(const CachePlace& place,
                                                                const OpenClient& client);

}  // namespace strata::build
