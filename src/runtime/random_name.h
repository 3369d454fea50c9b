// SPDX-License-Identifier: Apache-2.0
// Names for containers that the user gave none, and the rule for those that he did.
// Threads: functions without state.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::runtime {

// "adjective_noun", with a digit behind it from the second attempt on.
std::string random_container_name(unsigned attempt);
// Errors: kInvalid, docker's `Invalid container name (x!), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`.
Status check_container_name(std::string_view name);

}  // namespace strata::runtime
