// SPDX-License-Identifier: Apache-2.0
// Hosts and networks, as `insecure-registries` names them.
// Threads: any.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"

namespace strata::registry {

struct Address {
  unsigned char bytes[16] = {};
  unsigned bits = 0;  // 32 or 128

  // "10.1.2.3", "fd00::1", "[fd00::1]"; an IPv4 address in IPv6's clothes is an IPv4 one.
  static std::optional<Address> parse(std::string_view text);
  bool operator==(const Address& other) const;
  // "10.0.0.0/8", "fd00::/8". False for what is no network.
  bool is_in(std::string_view network) const;
  bool is_loopback() const;
};

// "localhost" in any case, "localhost:5000", "127.…", "[::1]:5000": the port does not count.
bool is_loopback_host(std::string_view host);

// Addresses of hosts; each name is looked up once.
// Threads: any; one name at a time.
class HostAddresses {
 public:
  using LookUp = std::function<std::vector<Address>(const std::string& name)>;
  HostAddresses();  // asks the system
  explicit HostAddresses(LookUp look_up) : look_up_(std::move(look_up)) {}

  // Whether `host` ("10.1.2.3:5000", "[fd00::1]", or a name) has an address in `network`.
  bool is_in(std::string_view host, std::string_view network);

 private:
  const LookUp look_up_;
  Guarded<std::map<std::string, std::vector<Address>>> known_;
};

}  // namespace strata::registry
