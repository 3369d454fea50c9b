// SPDX-License-Identifier: Apache-2.0
// The config.json of an OCI runtime (crun, runc) for a container as docker would start it.
// Source: the OCI runtime specification 1.0, config.md and config-linux.md; the values are those that
//         dockerd 20.10 hands to runc.
// Threads: functions without state.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/cgroups.h"
#include "runtime/run_spec.h"
#include "runtime/users.h"

namespace strata::runtime {

// What a container that is not privileged cannot see or write, below /proc and /sys.
boost::json::array masked_paths();
boost::json::array read_only_paths();

// The environment that the program gets: PATH and HOSTNAME, TERM with a terminal, what the spec has,
// HOME. A word of the spec's without "=" takes that name away.
std::vector<std::string> environment_of(const RunSpec& spec, const User& user);

// The text of config.json. `spec.id` and `spec.hostname` are set; `user` is resolved.
// Errors: kInvalid (capabilities, a working directory that is not absolute, a device), in docker's
// words.
Result<std::string> oci_spec(const RunSpec& spec, const User& user, const Cgroups& cgroups);

}  // namespace strata::runtime
