// SPDX-License-Identifier: Apache-2.0
// How a layer that is compressed here becomes a blob, and a blob a layer's tar again.
// Threads: any, on different targets.
#pragma once

#include <optional>
#include <string_view>

#include "codec/compress.h"
#include "registry/copy.h"
#include "registry/copy_target.h"
#include "registry/tar_image.h"

namespace strata::registry {

// At most 3 % larger than what docker makes, and as fast as that allows. An image of 1.46 GB, its six
// layers and processor time: docker 20.10 465.6 MB in 73 s; level 2 479.0 MB in 15 to 16 s, level 4
// 468.1 MB in 16 to 19 s, level 5 458.6 MB in 22 to 23 s; zstd (3) 426.8 MB in 10 to 12 s.
inline constexpr int kPushGzipLevel = 4;

// What the user asked for, or gzip.
codec::CompressionSpec packing_of(const std::optional<codec::CompressionSpec>& wanted);

// The media type; OCI's, if `oci_types` says so or docker has none.
std::string_view layer_type(codec::Compression kind, bool oci_types);

// Brings a layer to the target, compressed on all cores while it goes there. The descriptor has no
// media type. Errors: as unpack_layer_to, those of the target.
Result<oci::Descriptor> pack_layer(const TarLayer& layer, CopyTarget& target,
                                   const codec::CompressionSpec& spec, CopyWatcher& watcher,
                                   Pool& pool);
// Brings a config: a blob that is in memory.
Result<Digest> put_text(std::string_view text, CopyTarget& target);

// A layer as plain tar into `to`, with the number of its bytes. Errors: kCorrupt when it is not its
// diffID.
Result<uint64_t> unpack_layer_to(const TarLayer& layer, ByteSink& to, CopyWatcher& watcher,
                                 Pool& pool);

}  // namespace strata::registry
