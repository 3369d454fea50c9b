// SPDX-License-Identifier: Apache-2.0
#include "registry/layer_packing.h"

#include "oci/manifest.h"

namespace strata::registry {

codec::CompressionSpec packing_of(const std::optional<codec::CompressionSpec>& wanted) {
  codec::CompressionSpec spec =
      wanted.value_or(codec::CompressionSpec{codec::Compression::kGzip, std::nullopt});
  if (spec.kind == codec::Compression::kGzip && !spec.level) spec.level = kPushGzipLevel;
  return spec;
}

std::string_view layer_type(codec::Compression kind, bool oci_types) {
  if (kind == codec::Compression::kZstd) return oci::media_type::kOciLayerZstd;
  if (kind == codec::Compression::kNone) return oci::media_type::kOciLayer;
  return oci_types ? oci::media_type::kOciLayerGzip : oci::media_type::kDockerLayerGzip;
}

}  // namespace strata::registry
