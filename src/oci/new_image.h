// SPDX-License-Identifier: Apache-2.0
// The config of an image that is made here, by a step of a build, a commit or an import.
// Shape:   as docker writes it: members sorted by name, compact, Go's escapes.
// Source:  FORMATS section 7.1 and 7.5; history in the order of docker 25 and later.
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>

#include "oci/container_config.h"
#include "oci/image_config.h"
#include "oci/platform.h"

namespace strata::oci {

struct NewImage {
  // Its layers, history, platform and os.version are those of the new image too; null: nothing
  // lies below.
  const ImageConfig* parent = nullptr;
  ContainerConfig config;
  ContainerConfig container_config;
  std::string container;  // the ID of the container that it was; left out when empty
  std::string author;
  std::string comment;  // top-level; the history's own is in `step`
  Time created;
  Platform platform;            // where there is no parent, or the parent does not say
  std::optional<DiffId> layer;  // none: the step is an empty layer
  History step;                 // empty_layer follows from `layer`
};

// The bytes of the config; their digest is the image's ID.
std::string make_image_config(const NewImage& image);

}  // namespace strata::oci
