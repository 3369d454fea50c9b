// SPDX-License-Identifier: Apache-2.0
// What commit and import have in common: the name of the new image, and changes of its config.
// Threads: values.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "oci/container_config.h"
#include "oci/reference.h"

namespace strata::cli {

// The name, with a tag; none for an empty text. Errors: kInvalid; `no_digest` for a name with a
// digest.
Result<std::optional<oci::Reference>> new_image_name(const std::string& text,
                                                     const std::string& no_digest);

// Applies the instructions of -c. Errors: kInvalid, docker's texts.
using ConfigChange = std::function<Status(oci::ContainerConfig&)>;
Result<ConfigChange> config_change(const std::vector<std::string>& instructions);

}  // namespace strata::cli
