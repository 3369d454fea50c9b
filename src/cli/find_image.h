// SPDX-License-Identifier: Apache-2.0
// The image that a new container is made of, pulled where it has to be.
// Threads: one at a time.
#pragma once

#include <string>

#include "cli/command.h"

namespace strata::cli {

// `policy`: always, missing or never. `platform`: empty, or what the image has to be of; then one of
// another platform counts as not there. What pull prints goes to standard error.
// Errors: those of resolve() and of pull.
Result<ImageId> find_or_pull_image(Context& context, const store::Store& store,
                                   const std::string& name, const std::string& policy,
                                   const std::string& platform);

}  // namespace strata::cli
