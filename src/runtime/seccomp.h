// SPDX-License-Identifier: Apache-2.0
// Docker's default seccomp profile, in the form of an OCI runtime's config, and compiled.
// Threads: functions without state.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace strata::runtime {

// linux.seccomp for programs with these capabilities ("CAP_CHOWN").
boost::json::object seccomp_profile(const std::vector<std::string>& capabilities);

// What libseccomp makes of such a profile: instructions for the kernel (struct sock_filter) in base64, as crun takes them in
// the annotation `kFilterAnnotation` in place of the profile. Empty for a profile that was not compiled when strata was built:
// only that of docker's default capabilities is.
std::string_view compiled_filter(const boost::json::object& profile);
extern const std::string_view kDefaultFilter;  // its source is written by seccomp_compiler.cc

// Source: crun(1), "run.oci.seccomp_bpf_data"; since crun 0.15. Other runtimes compile the profile.
inline constexpr std::string_view kFilterAnnotation = "run.oci.seccomp_bpf_data";

}  // namespace strata::runtime
