// SPDX-License-Identifier: Apache-2.0
// Manifests and indexes in the other of the two languages: media types change, blobs do not.
// Source:  OCI image-spec v1.1, media-types.md, "Compatibility matrix".
// Threads: functions of their arguments.
#pragma once

#include <string_view>
#include <vector>

#include "registry/client.h"

namespace strata::registry {

enum class ManifestFormat { kDocker, kOci };

// "docker", "oci", or skopeo's word "v2s2". Errors: kInvalid, listing them.
Result<ManifestFormat> parse_manifest_format(std::string_view text);

// Those below an index stand before it; its entries follow them. What is in that language already
// keeps its bytes and its digest. Docker's has no annotations. Errors: kUnsupported (docker's has no
// word for a layer or a config: zstd, artifacts).
Status convert_manifests(std::vector<RemoteManifest>& manifests, ManifestFormat format);

}  // namespace strata::registry
