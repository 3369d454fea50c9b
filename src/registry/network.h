// SPDX-License-Identifier: Apache-2.0
// Hosts and networks, as `insecure-registries` names them.
// Threads: any.
#pragma once

#include <string>
#include <string_view>

namespace strata::registry {

// "localhost", "localhost:5000", "127.…", "[::1]:5000": the port does not count.
bool is_loopback_host(std::string_view host);

// Whether `host` ("10.1.2.3:5000", "[fd00::1]", or a name, which is looked up) lies in `network`
// ("10.0.0.0/8", "fd00::/8"). False for what is no network.
bool is_in_network(std::string_view host, std::string_view network);

}  // namespace strata::registry
