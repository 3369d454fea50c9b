// SPDX-License-Identifier: Apache-2.0
#include "runtime/capabilities.h"
#include "runtime/seccomp.h"

namespace strata::runtime {

std::string_view compiled_filter(const boost::json::object& profile) {
  return profile == seccomp_profile(default_capabilities()) ? kDefaultFilter : std::string_view();
}

}  // namespace strata::runtime
