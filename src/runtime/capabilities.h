// SPDX-License-Identifier: Apache-2.0
// Linux capabilities as docker names and chooses them.
// Threads: functions without state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/run_spec.h"

namespace strata::runtime {

// The capabilities of a container's programs, as "CAP_CHOWN", in docker's order: its 14 by default
// with --cap-add and --cap-drop, ALL among them, or all with `privileged`. What this process may not
// pass on itself (in a container, say) is left out where the user did not name it.
// Errors: kInvalid, `invalid CapAdd: unknown capability: "CAP_X"`.
Result<std::vector<std::string>> capabilities_of(const RunSpec& spec);

// Docker's 14, whether this process may pass them on or not.
std::vector<std::string> default_capabilities();

}  // namespace strata::runtime
