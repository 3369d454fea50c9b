// SPDX-License-Identifier: Apache-2.0
// `build --cache-from` and `--cache-to`.
// Shape:   NAME, or type=registry,ref=NAME | type=local,src=DIR (from) or dest=DIR (to)[,tag=TAG] |
//          type=inline (to); to: also mode=min|max, compression=gzip|zstd|uncompressed,
//          compression-level=N, force-compression=BOOL, ignore-error=BOOL.
// Source:  the reference of `docker buildx build`.
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>

#include "build/cache_place.h"

namespace strata::cli {

// Errors: kInvalid, kUnsupported, saying what there is instead.
Result<build::CachePlace> parse_cache_source(const std::string& text);
// None: type=inline, for which nothing is to be done, since every image that a build makes is a
// cache.
Result<std::optional<build::CacheTarget>> parse_cache_target(const std::string& text);

}  // namespace strata::cli
