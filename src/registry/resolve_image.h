// SPDX-License-Identifier: Apache-2.0
// From a name in a registry to one image: through indexes, also nested ones, to the manifest that
// fits the platform.
// Threads: one per call.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "oci/manifest.h"
#include "registry/client.h"

namespace strata::registry {

inline constexpr int kMaxIndexDepth = 4;  // indexes in each other

struct ResolvedImage {
  Digest name_digest;      // of what the name stands for, the index or the manifest: its RepoDigest
  Digest manifest_digest;  // the same, unless that is an index
  oci::Manifest manifest;  // of an image whose layers we know how to unpack
  bool from_index = false;
};

// `reference` has a tag or a digest. `platform`: none takes what fits this machine best. A manifest
// that is in no index is taken whatever its platform; who asked for one compares with the config.
// Errors: those of get_manifest; kNotFound (`no matching manifest for linux/s390x in the manifest
// list entries`), kUnsupported (OCI artifacts, schema 1, encrypted layers), kInvalid.
Result<ResolvedImage> resolve_image(Repository& repository, const oci::Reference& reference,
                                    const std::optional<oci::Platform>& platform);

// Through indexes to the manifest that fits; what is no index is it already. `fetch` gives a
// manifest by its digest, verified. Errors: as above, and those of `fetch`.
using FetchManifest = std::function<Result<RemoteManifest>(const Digest&)>;
Result<RemoteManifest> choose_manifest(RemoteManifest remote, const FetchManifest& fetch,
                                       const std::optional<oci::Platform>& platform);

// Whether an entry of an index is one itself.
bool is_index_type(std::string_view media_type);

// Refuses what is no image: by the types of config and layers. Errors: kUnsupported, kInvalid.
Status check_is_image(const oci::Manifest& manifest, const Digest& digest);

}  // namespace strata::registry
