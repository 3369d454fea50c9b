// SPDX-License-Identifier: Apache-2.0
#include "registry/url.h"

#include <algorithm>
#include <charconv>

namespace strata::registry {
namespace {

uint16_t default_port(std::string_view scheme) { return scheme == "http" ? 80 : 443; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != 0x7f; });
}

Error bad_url(std::string_view text, std::string_view why) {
  return error(ErrorCode::kInvalid, "invalid URL \"{}\": {}", text.substr(0, text.find('?')), why);
}

Result<uint16_t> parse_port(std::string_view digits, std::string_view url) {
  uint16_t port = 0;
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failure != std::errc() || end != digits.data() + digits.size() || port == 0) {
    return bad_url(url, "a port is a number from 1 to 65535");
  }
  return port;
}

bool is_host(std::string_view host) {
  if (host.empty()) return false;
  if (host.front() == '[') {
    return host.back() == ']' && host.size() > 3 &&
           host.find_first_not_of("0123456789abcdef:.", 1) == host.size() - 1;
  }
  return host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._~") == host.npos;
}

// RFC 3986 section 5.2.4.
std::string without_dots(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    size_t end = path.find('/', 1);
    std::string_view segment = path.substr(0, end);
    bool last = end == path.npos;
    if (segment == "/..") {
      size_t slash = out.rfind('/');
      out.resize(slash == out.npos ? 0 : slash);
      if (last) out += '/';
    } else if (segment == "/.") {
      if (last) out += '/';
    } else {
      out += segment;
    }
    path.remove_prefix(segment.size());
  }
  return out.empty() ? "/" : out;
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > kMaxUrlBytes) return bad_url(text.substr(0, 80), "it is too long");
  if (!is_plain(text)) return bad_url("", "it holds white space or control characters");
  std::string_view rest = text.substr(0, text.find('#'));
  Url url;
  size_t colon = rest.find("://");
  if (colon == rest.npos) return bad_url(text, "it has no scheme");
  url.scheme = lower(rest.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") {
    return bad_url(text, "only http and https are known");
  }
  rest.remove_prefix(colon + 3);
  std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  rest.remove_prefix(authority.size());
  if (authority.find('@') != authority.npos) return bad_url("…", "it holds a user name");
  size_t port_colon = authority.rfind(':');
  if (port_colon != authority.npos && authority.find(']', port_colon) != authority.npos) {
    port_colon = authority.npos;  // within an IPv6 address
  }
  url.host = lower(authority.substr(0, port_colon));
  if (!is_host(url.host)) return bad_url(text, "it has no host name");
  url.port = default_port(url.scheme);
  if (port_colon != authority.npos && port_colon + 1 < authority.size()) {
    STRATA_TRY(url.port, parse_port(authority.substr(port_colon + 1), text));
  }
  size_t question = rest.find('?');
  url.path = rest.substr(0, question);
  if (url.path.empty()) url.path = "/";
  if (question != rest.npos) url.query = rest.substr(question + 1);
  return url;
}

Result<Url> Url::resolve(std::string_view reference) const {
  if (reference.find("://") < reference.find_first_of("/?#")) return parse(reference);
  if (reference.starts_with("//")) return parse(scheme + ":" + std::string(reference));
  if (!is_plain(reference)) return bad_url("", "it holds white space or control characters");
  if (reference.size() > kMaxUrlBytes) return bad_url(reference.substr(0, 80), "it is too long");
  reference = reference.substr(0, reference.find('#'));
  Url url = *this;
  size_t question = reference.find('?');
  std::string_view target = reference.substr(0, question);
  if (question != reference.npos || !target.empty()) {
    url.query = question == reference.npos ? "" : std::string(reference.substr(question + 1));
  }
  if (target.empty()) return url;
  std::string joined = target.front() == '/'
                           ? std::string(target)
                           : path.substr(0, path.rfind('/') + 1) + std::string(target);
  url.path = without_dots(joined);
  return url;
}

std::string Url::authority() const {
  if (port == default_port(scheme)) return host;
  return host + ":" + std::to_string(port);
}

std::string Url::origin() const { return scheme + "://" + host + ":" + std::to_string(port); }

std::string Url::shown() const { return scheme + "://" + authority() + path; }

std::string Url::to_string() const { return query.empty() ? shown() : shown() + "?" + query; }

void Url::add_query(std::string_view name, std::string_view value) {
  if (!query.empty() && query.back() != '&') query += '&';
  query += percent_encoded(name) + "=" + percent_encoded(value);
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += static_cast<char>(c);
    } else {
      out += fmt::format("%{:02X}", c);
    }
  }
  return out;
}

}  // namespace strata::registry
