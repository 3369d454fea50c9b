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

struct OriginSearch {
  std::optional<Origin> origin;
  bool first_lacks_image = false;  // the first name's manifest is there, but is not of the image
};

// The names under which the image has a digest (RepoDigests), those of `target`'s repository first,
// then of its registry.
std::vector<oci::Reference> known_digests(const store::References& references, const ImageId& image,
                                          const oci::Reference& target);

// Asks for those, one after the other, until a manifest of this very image comes, be it in an index.
// No origin: nobody has it any more, or nobody answers.
Result<OriginSearch> find_origin(Client& client, const oci::ImageConfig& config,
                                 const std::vector<oci::Reference>& known);

}  // namespace strata::registry
