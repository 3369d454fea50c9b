// SPDX-License-Identifier: Apache-2.0
#include "registry/network.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <charconv>
#include <cstring>
#include <memory>
#include <vector>

namespace strata::registry {
namespace {

struct Address {
  unsigned char bytes[16] = {};
  unsigned bits = 0;  // 32 or 128
};

bool parse_address(const std::string& text, Address& address) {
  if (::inet_pton(AF_INET, text.c_str(), address.bytes) == 1) {
    address.bits = 32;
    return true;
  }
  address.bits = 128;
  return ::inet_pton(AF_INET6, text.c_str(), address.bytes) == 1;
}

bool same_prefix(const Address& a, const Address& b, unsigned bits) {
  if (a.bits != b.bits || bits > a.bits) return false;
  if (std::memcmp(a.bytes, b.bytes, bits / 8) != 0) return false;
  unsigned rest = bits % 8;
  if (rest == 0) return true;
  unsigned mask = 0xffu << (8 - rest);
  return (a.bytes[bits / 8] & mask) == (b.bytes[bits / 8] & mask);
}

std::string without_port(std::string_view host) {
  if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
  size_t colon = host.find(':');
  bool is_ipv6 = colon != host.npos && host.find(':', colon + 1) != host.npos;
  return std::string(is_ipv6 ? host : host.substr(0, colon));
}

std::vector<Address> addresses_of(const std::string& host) {
  Address literal;
  if (parse_address(host, literal)) return {literal};
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

bool is_loopback_host(std::string_view host) {
  std::string name = without_port(host);
  if (name == "localhost") return true;
  Address address;
  if (!parse_address(name, address)) return false;
  if (address.bits == 32) return address.bytes[0] == 127;
  Address loopback;
  return parse_address("::1", loopback) && same_prefix(address, loopback, 128);
}

bool is_in_network(std::string_view host, std::string_view network) {
  size_t slash = network.find('/');
  if (slash == network.npos) return false;
  Address base;
  if (!parse_address(std::string(network.substr(0, slash)), base)) return false;
  std::string_view digits = network.substr(slash + 1);
  unsigned bits = 0;
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (failure != std::errc() || end != digits.data() + digits.size()) return false;
  for (const Address& address : addresses_of(without_port(host))) {
    if (same_prefix(address, base, bits)) return true;
  }
  return false;
}

}  // namespace strata::registry
