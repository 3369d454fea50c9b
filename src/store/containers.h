// SPDX-License-Identifier: Apache-2.0
// Containers that a dockerd keeps in this root: read only to know which images they use.
// Shape:   containers/<id>/config.v2.json. Source: FORMATS section 8.
#pragma once

#include <string>
#include <vector>

#include "base/fs_at.h"
#include "hash/digest.h"

namespace strata::store {

struct Container {
  std::string id;
  std::string name;  // without the leading "/"
  ImageId image;
  std::string image_name;  // as the user named it (Config.Image)
  bool running = false;    // State.Running; of a stopped daemon it says what was when it died
};

// All containers, sorted by ID. Folders without a readable config are left out, as dockerd does.
Result<std::vector<Container>> list_containers(const Fd& root);

}  // namespace strata::store
