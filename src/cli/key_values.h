// SPDX-License-Identifier: Apache-2.0
// Options like "type=tar,dest=x".
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::cli {

// The fields in order; one without "=" has an empty value.
std::vector<std::pair<std::string, std::string>> key_values(std::string_view text);

}  // namespace strata::cli
