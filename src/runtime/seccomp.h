// SPDX-License-Identifier: Apache-2.0
// Docker's default seccomp profile, in the form of an OCI runtime's config.
// Threads: functions without state.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

namespace strata::runtime {

// linux.seccomp for programs with these capabilities ("CAP_CHOWN").
boost::json::object seccomp_profile(const std::vector<std::string>& capabilities);

}  // namespace strata::runtime
