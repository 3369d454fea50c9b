// SPDX-License-Identifier: Apache-2.0
//   NO_PROXY = entry *("," entry), white space around entries, case does not count
//   entry    = "*" | network | (address | name | "." name | "*." name) [":" port]
//   "name" is itself and what is below it, ".name" and "*.name" only what is below it.
#include "registry/proxy.h"

#include <cstdlib>

#include "registry/network.h"

namespace strata::registry {
namespace {

std::string variable(const char* capitals, const char* small) {
  for (const char* name : {capitals, small}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

std::string plain_entry(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos) return {};
  std::string entry(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
  for (char& c : entry) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return entry;
}

// Takes ":port" off the entry; an IPv6 address without brackets has none.
std::string split_port(std::string& entry) {
  const size_t colon = entry.rfind(':');
  const bool in_brackets = colon != entry.npos && entry.find(']', colon) != entry.npos;
  if (colon == entry.npos || in_brackets || Address::parse(entry)) return {};
  std::string port = entry.substr(colon + 1);
  entry.resize(colon);
  return port;
}

bool entry_fits(std::string entry, const Url& url, const std::optional<Address>& address) {
  if (entry == "*") return true;
  if (address && address->is_in(entry)) return true;
  const std::string port = split_port(entry);
  if (!port.empty() && port != std::to_string(url.port)) return false;
  if (const std::optional<Address> wanted = Address::parse(entry)) return address == wanted;
  if (entry.starts_with("*.")) entry.erase(0, 1);
  if (entry.empty()) return false;
  if (entry.front() == '.') return url.host.ends_with(entry);
  return url.host == entry || url.host.ends_with("." + entry);
}

bool is_exempt(std::string_view list, const Url& url) {
  const std::optional<Address> address = Address::parse(url.host);
  if (url.host == "localhost" || (address && address->is_loopback())) return true;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (entry_fits(plain_entry(list.substr(0, comma)), url, address)) return true;
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
  }
  return false;
}

}  // namespace

ProxySettings ProxySettings::of_environment() {
  return {variable("HTTP_PROXY", "http_proxy"), variable("HTTPS_PROXY", "https_proxy"),
          variable("NO_PROXY", "no_proxy"), !variable("REQUEST_METHOD", "REQUEST_METHOD").empty()};
}

Result<std::string> ProxySettings::proxy_of(const Url& url) const {
  constexpr std::string_view kSocks = "socks5://";
  const std::string& proxy = url.scheme == "https" ? for_https : for_http;
  if (proxy.empty()) return std::string();
  if (in_cgi && url.scheme == "http") {
    return error(ErrorCode::kInvalid,
                 "refusing to use HTTP_PROXY value in CGI environment; see "
                 "golang.org/s/cgihttpproxy");
  }
  if (is_exempt(none_for, url)) return std::string();
  // Go leaves it to the proxy to look names up, for which curl has another scheme.
  if (proxy.starts_with(kSocks)) return "socks5h://" + proxy.substr(kSocks.size());
  return proxy;
}

}  // namespace strata::registry
