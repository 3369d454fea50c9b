// SPDX-License-Identifier: Apache-2.0
// URLs of registries: taken apart, resolved against another one, put together.
// Shape:   scheme "://" host [":" port] path ["?" query]; http and https only, no user, fragments
//          are dropped.  Source: RFC 3986, sections 3 and 5.
// Threads: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::registry {

inline constexpr size_t kMaxUrlBytes = 16 << 10;

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; an IPv6 address with its brackets
  uint16_t port = 0;   // never 0 after parse()
  std::string path;    // begins with '/', percent-encoded as it was
  std::string query;   // without '?'

  // Errors: kInvalid, naming what is wrong; the text is shown without its query, which may hold
  // secrets.
  static Result<Url> parse(std::string_view text);
  // What `reference` (absolute, "//host/…", "/path" or relative) means at this URL.
  Result<Url> resolve(std::string_view reference) const;

  std::string to_string() const;
  // Without the query: what may be shown.
  std::string shown() const;
  // "host:port"; the port is left out where it is the scheme's own.
  std::string authority() const;
  // "scheme://host:port", the port always there.
  std::string origin() const;
  bool same_origin(const Url& other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
  }
  void add_query(std::string_view name, std::string_view value);
};

// All but letters, digits and "-._~" as %XX.
std::string percent_encoded(std::string_view text);

}  // namespace strata::registry
