// SPDX-License-Identifier: Apache-2.0
#include "registry/network.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <vector>

namespace strata::registry {
namespace {

std::string without_port(std::string_view host) {
  if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
  size_t colon = host.find(':');
  bool is_ipv6 = colon != host.npos && host.find(':', colon + 1) != host.npos;
  return std::string(is_ipv6 ? host : host.substr(0, colon));
}

std::vector<Address> addresses_of(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return {};
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    Address address;
    if (entry->ai_family == AF_INET) {
      auto* in = reinterpret_cast<const sockaddr_in*>(entry->ai_addr);
      std::memcpy(address.bytes, &in->sin_addr, 4);
      address.bits = 32;
    } else if (entry->ai_family == AF_INET6) {
      auto* in = reinterpret_cast<const sockaddr_in6*>(entry->ai_addr);
      std::memcpy(address.bytes, &in->sin6_addr, 16);
      address.bits = 128;
    } else {
      continue;
    }
    addresses.push_back(address);
  }
  return addresses;
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  constexpr unsigned char kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const std::string digits(text);
  Address address;
  address.bits = 32;
  if (::inet_pton(AF_INET, digits.c_str(), address.bytes) == 1) return address;
  if (::inet_pton(AF_INET6, digits.c_str(), address.bytes) != 1) return std::nullopt;
  address.bits = 128;
  if (std::memcmp(address.bytes, kMapped, sizeof kMapped) == 0) {
    std::memcpy(address.bytes, address.bytes + sizeof kMapped, 4);
    address.bits = 32;
  }
  return address;
}

bool Address::operator==(const Address& other) const {
  return bits == other.bits && std::memcmp(bytes, other.bytes, bits / 8) == 0;
}

bool Address::is_in(std::string_view network) const {
  const size_t slash = network.find('/');
  if (slash == network.npos) return false;
  const std::optional<Address> base = parse(network.substr(0, slash));
  const std::string_view digits = network.substr(slash + 1);
  unsigned prefix = 0;
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (failure != std::errc() || end != digits.data() + digits.size()) return false;
  if (!base || base->bits != bits || prefix > bits) return false;
  if (std::memcmp(bytes, base->bytes, prefix / 8) != 0) return false;
  const unsigned rest = prefix % 8;
  if (rest == 0) return true;
  const unsigned mask = 0xffu << (8 - rest);
  return (bytes[prefix / 8] & mask) == (base->bytes[prefix / 8] & mask);
}

bool Address::is_loopback() const { return is_in("127.0.0.0/8") || is_in("::1/128"); }

bool is_loopback_host(std::string_view host) {
  const std::string name = without_port(host);
  if (::strcasecmp(name.c_str(), "localhost") == 0) return true;
  const std::optional<Address> address = Address::parse(name);
  return address && address->is_loopback();
}

HostAddresses::HostAddresses() : HostAddresses(addresses_of) {}

bool HostAddresses::is_in(std::string_view host, std::string_view network) {
  if (network.find('/') == network.npos) return false;
  const std::string name = without_port(host);
  if (const std::optional<Address> literal = Address::parse(name)) return literal->is_in(network);
  auto known = known_.lock();
  auto found = known->find(name);
  if (found == known->end()) found = known->emplace(name, look_up_(name)).first;
  return std::any_of(found->second.begin(), found->second.end(),
                     [&](const Address& address) { return address.is_in(network); });
}

}  // namespace strata::registry
