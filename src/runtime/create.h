// SPDX-License-Identifier: Apache-2.0
// create: a new container of an image, as docker makes it.
// Shape:   containers/<id>/{config.v2.json,hostconfig.json,checkpoints/}, layerdb/mounts/<id>, an init
//          layer and a writable layer. Source: FORMATS section 8.
// Threads: any; needs CAP_SYS_ADMIN to mount the init layer.
// Crash:   the container is there whole, or not at all; what its volumes begin with is put there
//          when it is made, or at its first start.
#pragma once

#include <string>

#include "oci/container_config.h"
#include "runtime/host_config.h"
#include "store/store.h"

namespace strata::runtime {

struct NewContainer {
  std::string name;        // empty: a random one
  std::string image_name;  // as the user wrote it
  ImageId image;
  oci::ContainerConfig config;  // the user's; what it leaves open comes from the image
  HostConfig host;
};

// Returns the container's ID. Errors: kConflict (the name is taken), kInvalid (a name, a mount, a
// capability, `No command specified`), in docker's words; kNotFound, kCorrupt (layers of the
// image).
Result<std::string> create_container(store::Store& store, NewContainer wanted);

}  // namespace strata::runtime
