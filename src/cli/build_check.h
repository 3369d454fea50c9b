// SPDX-License-Identifier: Apache-2.0
// `build --check`: what the rules find in a Dockerfile, with its lines.
// Source:  the output of `docker build --check` (buildx).
// Threads: one at a time.
#pragma once

#include <map>
#include <string>

#include "base/pool.h"
#include "build/context.h"
#include "cli/output.h"

namespace strata::cli {

// Prints the findings. Returns the exit code: 1 if there are any. Errors: those of the parser.
Result<int> check_dockerfile(build::BuildContext& context,
                             const std::map<std::string, std::string>& build_args,
                             const std::string& target, Output& out);

}  // namespace strata::cli
