// SPDX-License-Identifier: Apache-2.0
// Where `copy` takes an image from or brings it to, as it is written on the command line.
// Shape:   transport ":" rest; the grammar stands in image_place.cc.
// Source:  containers-transports(5), as skopeo 1.9 has it.
// Threads: values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/reference.h"

namespace strata::registry {

enum class Transport { kRegistry, kRoot, kDockerArchive, kOciArchive, kOciFolder };

struct ImagePlace {
  Transport transport = Transport::kRegistry;
  std::string path = {};                    // of archive or folder; of a root, empty: the usual one
  std::optional<oci::Reference> name = {};  // kRegistry always; kDockerArchive, if given
  std::string image = {};                   // kRoot: a name or an ID, as it was written
  std::string tag = {};                     // OCI: the entry of index.json; empty: the only one
  std::vector<oci::Reference> entries = {};  // OCI, as a target, in place of `tag`: full names
  std::optional<unsigned> number = {};       // kDockerArchive: "@2", the third of manifest.json
  std::string text = {};                     // as it was written

  // Errors: kInvalid, kUnsupported (skopeo's other transports, saying what there is instead).
  static Result<ImagePlace> parse(std::string_view text);
};

}  // namespace strata::registry
