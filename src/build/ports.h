// SPDX-License-Identifier: Apache-2.0
// Port specifications of EXPOSE.
// Shape:   [[ip:]host:]container[-last]["/" protocol], protocol tcp, udp or sctp.
// Source:  docker/go-connections, package nat, as dockerd 20.10 has it.
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::build {

// The container's ports as keys of ExposedPorts: "1000-1002/udp" gives three.
// Errors: kInvalid with docker's texts: "Invalid containerPort: x", "Invalid proto: x".
Result<std::vector<std::string>> parse_port_spec(std::string_view spec);

}  // namespace strata::build
