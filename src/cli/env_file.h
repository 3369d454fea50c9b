// SPDX-License-Identifier: Apache-2.0
// Files of --env-file and --label-file, as docker's client reads them:
//   file := [BOM] line*; line := space* (comment | name ["=" value])
//   comment begins with "#"; a name has no blanks; a value is the rest of the line as it stands
// Source:  docker's client, package opts.
// Threads: functions of their arguments and of our environment.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace strata::cli {

// What a line means that is a name alone: with the value of our own environment, if there is one, or nothing.
enum class BareNames { kTakeOurs, kAreLeftOut };

// "NAME=value" in the order of the file, as often as it stands there. Errors: kInvalid, docker's.
Result<std::vector<std::string>> read_env_file(const std::string& path, BareNames bare_names);

// -e: "NAME" takes our own value, and stays without one (that unsets it).
std::string env_of(const std::string& text);

}  // namespace strata::cli
