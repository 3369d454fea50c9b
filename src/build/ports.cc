// SPDX-License-Identifier: Apache-2.0
#include "build/ports.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace strata::build {
namespace {

struct Range {
  uint32_t first = 0;
  uint32_t last = 0;
};

bool read_port(std::string_view text, uint32_t& port) {
  const char* end = text.data() + text.size();
  auto [stop, failure] = std::from_chars(text.data(), end, port);
  return failure == std::errc() && stop == end && port <= 65535;
}

bool read_range(std::string_view text, Range& range) {
  const size_t dash = text.find('-');
  if (!read_port(text.substr(0, dash), range.first)) return false;
  range.last = range.first;
  if (dash == text.npos) return true;
  return read_port(text.substr(dash + 1), range.last) && range.first <= range.last;
}

}  // namespace

Result<std::vector<std::string>> parse_port_spec(std::string_view spec) {
  const size_t slash = spec.find('/');
  std::string protocol(slash == spec.npos ? std::string_view() : spec.substr(slash + 1));
  if (protocol.empty()) protocol = "tcp";
  std::transform(protocol.begin(), protocol.end(), protocol.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::string_view ports = spec.substr(0, slash);
  const size_t colon = ports.rfind(':');
  std::string_view host;
  if (colon != ports.npos) {
    host = ports.substr(0, colon);
    host = host.substr(host.rfind(':') + 1);  // an address in front of it is not looked at
    ports = ports.substr(colon + 1);
  }
  if (ports.empty()) {
    return error(ErrorCode::kInvalid, "No port specified: {}<empty>", spec.substr(0, slash));
  }
  Range container;
  Range published;
  if (!read_range(ports, container)) {
    return error(ErrorCode::kInvalid, "Invalid containerPort: {}", ports);
  }
  if (!host.empty() && !read_range(host, published)) {
    return error(ErrorCode::kInvalid, "Invalid hostPort: {}", host);
  }
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
    return error(ErrorCode::kInvalid, "Invalid proto: {}", protocol);
  }
  std::vector<std::string> keys;
  for (uint32_t port = container.first; port <= container.last; ++port) {
    keys.push_back(fmt::format("{}/{}", port, protocol));
  }
  return keys;
}

}  // namespace strata::build
