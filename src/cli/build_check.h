// SPDX-License-Identifier: Apache-2.0
// `build --check`: what the rules find in a Dockerfile, with its lines.
// Source:  the output of `docker build --check` (buildx).
// Threads: one at a time.
#pragma once

#include "build/build_request.h"
#include "build/context.h"
#include "cli/output.h"
#include "store/store.h"

namespace strata::cli {

// How the findings call the Dockerfile: as the user does. `file` is that of -f; empty: the context's
// own, which `place` and `name` lead to.
std::string shown_dockerfile(const std::string& file, const std::string& place,
                             const std::string& name);

// Prints the findings. `store` (null: there is none) tells of base images. Returns the exit code: 1
// if there are any findings. Errors: those of the parser.
Result<int> check_dockerfile(build::BuildContext& context, const build::BuildRequest& request,
                             const std::string& shown_name, const store::Store* store, Output& out);

}  // namespace strata::cli
