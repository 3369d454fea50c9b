// SPDX-License-Identifier: Apache-2.0
// Where an image came from: the manifest by which it was pulled or pushed before, so that its bytes
// and digests can be used again.
// Threads: values; find_origin() any.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/image_config.h"
#include "registry/client.h"
#include "store/store.h"

namespace strata::registry {

struct Origin {
  oci::Reference repository;
  RemoteManifest text;
  oci::Manifest manifest;  // as many layers as the image, in its order
};

// The names under which the image has a digest (RepoDigests), those of `target`'s repository first,
// then of its registry.
std::vector<oci::Reference> known_digests(const store::References& references, const ImageId& image,
                                          const oci::Reference& target);

// Asks for those, one after the other, until a manifest of this very image comes. None: nobody has
// it any more, or nobody answers.
Result<std::optional<Origin>> find_origin(Client& client, const oci::ImageConfig& config,
                                          const std::vector<oci::Reference>& known);

}  // namespace strata::registry
