// SPDX-License-Identifier: Apache-2.0
// Commands that take several containers: one that fails does not keep the others away.
// Threads: one at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "runtime/container_record.h"

namespace strata::cli {

// Looks each name up and calls `body` with its record and the name. Errors are printed, "Error: …",
// a line each, and make the exit code 1; `unknown_is_fine` (rm -f): but for names that nothing has.
Result<int> for_each_container(Context& context, const store::Store& store,
                               const std::vector<std::string>& names,
                               const std::function<Status(const runtime::ContainerRecord& record,
                                                          const std::string& name)>& body,
                               bool unknown_is_fine = false);

}  // namespace strata::cli
